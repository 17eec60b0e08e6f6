{{/* What would install and then go wrong in production is refused here, with what to do. */}}
{{- define "projection-consumer.refuse" -}}
{{- $root := .root -}}
{{- $groups := dict -}}
{{- $names := dict -}}
{{- include "projection-consumer.refuseSecrets" (dict "where" "settings" "value" $root.Values.settings) -}}
{{- include "projection-consumer.refuseTwo" (dict "where" "settings.offsets" "value" $root.Values.settings.offsets) -}}
{{- if has $root.Values.settings.http.host (list "127.0.0.1" "localhost" "::1") -}}
{{- fail (printf "settings.http.host is %s, where no probe of Kubernetes arrives, and every pod would be restarted. Leave it out" $root.Values.settings.http.host) -}}
{{- end -}}
{{- range $name, $source := (dig "sources" dict $root.Values.settings) -}}
{{- include "projection-consumer.refuseTwo" (dict "where" (printf "settings.sources.%s" $name) "value" $source) -}}
{{- if or (hasKey (dig "kafka" "config" dict $source) "group.instance.id") (hasKey (dig "kafka" "config_files" dict $source) "group.instance.id") -}}
{{- fail (printf "settings.sources.%s: group.instance.id would be the same in every pod of a Deployment, and each would throw the others out. Take it away" $name) -}}
{{- end -}}
{{- end -}}
{{- range $key, $projection := .projections -}}
{{- $where := printf "projections.%s" $key -}}
{{- $its := dict "root" $root "projection" $projection "where" $where "source" (include "projection-consumer.source" (dict "root" $root "projection" $projection) | fromYaml) -}}
{{- include "projection-consumer.refuseSettings" $its -}}
{{- include "projection-consumer.refuseNumbers" $its -}}
{{- if eq $projection.scaling.type "hpa" -}}{{- include "projection-consumer.refuseHpa" $its -}}{{- end -}}
{{- if and (eq $projection.scaling.type "keda") (not $projection.scaling.keda.triggers) -}}{{- include "projection-consumer.refuseKeda" $its -}}{{- end -}}
{{- if hasKey $names $projection.name -}}
{{- fail (printf "%s and projections.%s are both called %s, by which checkpoints are kept: each would move the other's. Give one another name" $where (get $names $projection.name) $projection.name) -}}
{{- end -}}
{{- $_ := set $names $projection.name $key -}}
{{- $group := printf "%s of source %s" (include "projection-consumer.group" $its) (dig "source" "from" "" $projection.settings) -}}
{{- /* One broker may be two sources, as for other settings of the client. */ -}}
{{- if hasKey $its.source "kafka" -}}
{{- $group = printf "%s of %s" (include "projection-consumer.group" $its) (join "," (dig "kafka" "bootstrap_servers" list $its.source | sortAlpha)) -}}
{{- end -}}
{{- if hasKey $groups $group -}}
{{- fail (printf "%s and projections.%s have the same group, %s: each would take partitions from the other. Give one another name" $where (get $groups $group) $group) -}}
{{- end -}}
{{- $_ := set $groups $group $key -}}
{{- end -}}
{{- end }}

{{/* Its entry in projections.yaml, as far as defaults and projection together tell; and its variables. */}}
{{- define "projection-consumer.refuseSettings" -}}
{{- $settings := .projection.settings -}}
{{- $where := .where -}}
{{- include "projection-consumer.refuseSecrets" (dict "where" (printf "%s.settings" $where) "value" $settings) -}}
{{- $missing := dict "projector" $settings.projector "source.from" (dig "source" "from" "" $settings) "source.topics" (dig "source" "topics" "" $settings) -}}
{{- range $key, $value := $missing -}}
{{- if not $value -}}{{- fail (printf "%s.settings.%s is missing: say it there, or for all in defaults.settings" $where $key) -}}{{- end -}}
{{- end -}}
{{- if and (dig "sources" dict .root.Values.settings) (not .source) -}}
{{- fail (printf "%s.settings.source.from is %q, which is none of settings.sources. Name one of them: %s" $where $settings.source.from (keys .root.Values.settings.sources | sortAlpha | join ", ")) -}}
{{- end -}}
{{- include "projection-consumer.refuseTwo" (dict "where" (printf "%s.settings.read_model" $where) "value" $settings.read_model) -}}
{{- if contains "${" (dig "drain_seconds" "" $settings | toString) -}}
{{- fail (printf "%s.settings.drain_seconds is known to the pod alone, and the time it is given to stop is computed of it. Say it as a number" $where) -}}
{{- end -}}
{{- include "projection-consumer.refuseSecrets" (dict "where" (printf "%s.scaling.keda.triggers" $where) "value" .projection.scaling.keda.triggers) -}}
{{- range .projection.env -}}
{{- include "projection-consumer.refuseSecrets" (dict "where" (printf "%s.env.%s" $where .name) "value" .value) -}}
{{- if regexMatch "(?i)^PROJECTIONS_(CONFIG$|HTTP(_|$))" .name -}}
{{- fail (printf "%s.env.%s is for the chart to say: it mounts the settings, and probes the port of settings.http" $where .name) -}}
{{- end -}}
{{- if regexMatch "(?i)^PROJECTIONS_PROJECTIONS.*drain_seconds" (printf "%s %v" .name .value) -}}
{{- fail (printf "%s.env.%s is a drain that the pod's time to stop is not computed of. Say it as settings.drain_seconds" $where .name) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Two stores where one belongs, as of values laid over others. */}}
{{- define "projection-consumer.refuseTwo" -}}
{{- if gt (len (.value | default dict)) 1 -}}
{{- fail (printf "%s is %s at once, all values laid over one another. Keep one, and set the other to null" .where (keys .value | sortAlpha | join " and ")) -}}
{{- end -}}
{{- end }}

{{- define "projection-consumer.refuseNumbers" -}}
{{- $projection := .projection -}}
{{- $scaling := $projection.scaling -}}
{{- $partitions := int $projection.partitions -}}
{{- if and $partitions (eq $scaling.type "none") (gt (int $projection.replicas) $partitions) -}}
{{- fail (printf "%s: %d replicas for %d partitions; those beyond would idle. Lower replicas, or correct partitions" .where (int $projection.replicas) $partitions) -}}
{{- end -}}
{{- if and $partitions (ne $scaling.type "none") (gt (int $scaling.maxReplicas) $partitions) -}}
{{- fail (printf "%s: scaling.maxReplicas is %d for %d partitions; those beyond would idle. Lower it, or correct partitions" .where (int $scaling.maxReplicas) $partitions) -}}
{{- end -}}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) -}}
{{- fail (printf "%s: scaling.minReplicas is %d, above scaling.maxReplicas of %d. Lower the one, or raise the other" .where (int $scaling.minReplicas) (int $scaling.maxReplicas)) -}}
{{- end -}}
{{- if and $projection.terminationGracePeriodSeconds (lt (int $projection.terminationGracePeriodSeconds) (int $projection.drain)) -}}
{{- fail (printf "%s: terminationGracePeriodSeconds is %d, below the drain of %d s, so a pod would be killed in the middle of a batch. Leave it out, or raise it" .where (int $projection.terminationGracePeriodSeconds) (int $projection.drain)) -}}
{{- end -}}
{{- end }}

{{- define "projection-consumer.refuseHpa" -}}
{{- if lt (int .projection.scaling.minReplicas) 1 -}}
{{- fail (printf "%s: an HPA keeps at least one pod, so scaling.minReplicas is 1 or more; keda may go to 0" .where) -}}
{{- end -}}
{{- if .projection.scaling.keda.triggers -}}
{{- fail (printf "%s: an HPA and KEDA would both set the number of pods. With scaling.type: keda, a trigger of type cpu does what the HPA would" .where) -}}
{{- end -}}
{{- if not (dig "requests" "cpu" (dig "limits" "cpu" "" .projection.resources) .projection.resources) -}}
{{- fail (printf "%s: an HPA counts in percent of resources.requests.cpu, which is not given. Give it" .where) -}}
{{- end -}}
{{- end }}
