{{/* What would install and then go wrong in production is refused here, with what to do. */}}
{{- define "projection-consumer.refuse" -}}
{{- $root := .root -}}
{{- $groups := dict -}}
{{- $names := dict -}}
{{- include "projection-consumer.refuseSecrets" (dict "where" "settings" "value" $root.Values.settings) -}}
{{- range $name, $source := (dig "sources" dict $root.Values.settings) -}}
{{- if or (hasKey (dig "kafka" "config" dict $source) "group.instance.id") (hasKey (dig "kafka" "config_files" dict $source) "group.instance.id") -}}
{{- fail (printf "settings.sources.%s: group.instance.id would be the same in every pod of a Deployment, and each would throw the others out. Take it away" $name) -}}
{{- end -}}
{{- end -}}
{{- range $key, $projection := .projections -}}
{{- $where := printf "projections.%s" $key -}}
{{- $scaling := $projection.scaling -}}
{{- $partitions := int $projection.partitions -}}
{{- $source := include "projection-consumer.source" (dict "root" $root "projection" $projection) | fromYaml -}}
{{- include "projection-consumer.refuseSecrets" (dict "where" (printf "%s.settings" $where) "value" $projection.settings) -}}
{{- include "projection-consumer.refuseSecrets" (dict "where" (printf "%s.scaling.keda.triggers" $where) "value" $scaling.keda.triggers) -}}
{{- range $projection.env -}}
{{- include "projection-consumer.refuseSecrets" (dict "where" (printf "%s.env.%s" $where .name) "value" .value) -}}
{{- end -}}
{{- if hasKey $names $projection.name -}}
{{- fail (printf "%s and projections.%s are both called %s, by which checkpoints are kept: each would move the other's. Give one another name" $where (get $names $projection.name) $projection.name) -}}
{{- end -}}
{{- $_ := set $names $projection.name $key -}}
{{- if and (dig "sources" dict $root.Values.settings) (not $source) -}}
{{- fail (printf "%s.settings.source.from is %q, which is none of settings.sources" $where (dig "source" "from" "" $projection.settings)) -}}
{{- end -}}
{{- if and $partitions (eq $scaling.type "none") (gt (int $projection.replicas) $partitions) -}}
{{- fail (printf "%s: %d replicas for %d partitions; those beyond would idle. Lower replicas, or correct partitions" $where (int $projection.replicas) $partitions) -}}
{{- end -}}
{{- if and $partitions (ne $scaling.type "none") (gt (int $scaling.maxReplicas) $partitions) -}}
{{- fail (printf "%s: scaling.maxReplicas is %d for %d partitions; those beyond would idle. Lower it, or correct partitions" $where (int $scaling.maxReplicas) $partitions) -}}
{{- end -}}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) -}}
{{- fail (printf "%s: scaling.minReplicas is above scaling.maxReplicas" $where) -}}
{{- end -}}
{{- if and (eq $scaling.type "hpa") (lt (int $scaling.minReplicas) 1) -}}
{{- fail (printf "%s: an HPA keeps at least one pod, so scaling.minReplicas is 1 or more; keda may go to 0" $where) -}}
{{- end -}}
{{- if and $projection.terminationGracePeriodSeconds (lt (int $projection.terminationGracePeriodSeconds) $projection.drain) -}}
{{- fail (printf "%s: terminationGracePeriodSeconds is %d, below the drain of %d s, so a pod would be killed in the middle of a batch. Leave it out, or raise it" $where (int $projection.terminationGracePeriodSeconds) $projection.drain) -}}
{{- end -}}
{{- if and (eq $scaling.type "hpa") $scaling.keda.triggers -}}
{{- fail (printf "%s: an HPA and KEDA would both set the number of pods. With scaling.type: keda, a trigger of type cpu does what the HPA would" $where) -}}
{{- end -}}
{{- if and (eq $scaling.type "hpa") (not (dig "requests" "cpu" (dig "limits" "cpu" "" $projection.resources) $projection.resources)) -}}
{{- fail (printf "%s: an HPA counts in percent of resources.requests.cpu, which is not given" $where) -}}
{{- end -}}
{{- if and (eq $scaling.type "keda") (not $scaling.keda.triggers) -}}
{{- if not $source -}}
{{- fail (printf "%s: keda has to know the broker, so give settings.sources.%s here, or scaling.keda.triggers" $where (dig "source" "from" "" $projection.settings)) -}}
{{- end -}}
{{- $address := ternary (join "," (dig "kafka" "bootstrap_servers" list $source)) (regexReplaceAll "//[^/@]*@" (dig "redis" "url" "" $source) "//") (hasKey $source "kafka") -}}
{{- if contains "${" $address -}}
{{- fail (printf "%s: keda does not know the pod's environment, and the address of its source is %s. Say it in full, or give scaling.keda.triggers" $where $address) -}}
{{- end -}}
{{- if and (hasPrefix "SASL_" (dig "kafka" "config" "security.protocol" "" $source | toString | upper)) (not $scaling.keda.authenticationRef) -}}
{{- fail (printf "%s: the broker wants credentials, so keda does too: name a TriggerAuthentication as scaling.keda.authenticationRef" $where) -}}
{{- end -}}
{{- if not (dig "source" "mirror" true $projection.settings) -}}
{{- fail (printf "%s: keda reads the lag from the broker's group, which source.mirror: false does not keep. Take that away, or give scaling.keda.triggers" $where) -}}
{{- end -}}
{{- if or (dig "redis" "cluster" false $source) (dig "redis" "sentinel" "" $source) -}}
{{- fail (printf "%s: for a Redis Cluster or Sentinels give scaling.keda.triggers" $where) -}}
{{- end -}}
{{- end -}}
{{- $group := printf "%s of source %s" (dig "source" "group" $projection.name $projection.settings) (dig "source" "from" "" $projection.settings) -}}
{{- /* One broker may be two sources, as for other settings of the client. */ -}}
{{- if hasKey $source "kafka" -}}
{{- $group = printf "%s of %s" (dig "source" "group" $projection.name $projection.settings) (join "," (dig "kafka" "bootstrap_servers" list $source | sortAlpha)) -}}
{{- end -}}
{{- if hasKey $groups $group -}}
{{- fail (printf "%s and projections.%s have the same group, %s: each would take partitions from the other. Give one another name" $where (get $groups $group) $group) -}}
{{- end -}}
{{- $_ := set $groups $group $key -}}
{{- end -}}
{{- end }}
