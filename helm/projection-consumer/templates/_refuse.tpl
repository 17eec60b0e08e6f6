{{/* What would install and then go wrong in production is refused here, with what to do. */}}
{{- define "projection-consumer.refuse" -}}
{{- $root := .root -}}
{{- $groups := dict -}}
{{- $shared := deepCopy $root.Values.settings -}}
{{- range $name, $source := (dig "sources" dict $shared) -}}
{{- if $source.kafka -}}{{- $_ := unset $source.kafka "config_files" -}}{{- end -}}
{{- end -}}
{{- include "projection-consumer.refuseSecrets" (dict "where" "settings" "settings" $shared) -}}
{{- range $name, $source := (dig "sources" dict $root.Values.settings) -}}
{{- if hasKey (dig "kafka" "config" dict $source) "group.instance.id" -}}
{{- fail (printf "settings.sources.%s: group.instance.id would be the same in every pod of a Deployment, and each would throw the others out. Take it away" $name) -}}
{{- end -}}
{{- end -}}
{{- range $key, $projection := .projections -}}
{{- $where := printf "projections.%s" $key -}}
{{- $scaling := $projection.scaling -}}
{{- $partitions := int $projection.partitions -}}
{{- $source := include "projection-consumer.source" (dict "root" $root "projection" $projection) | fromYaml -}}
{{- include "projection-consumer.refuseSecrets" (dict "where" (printf "%s.settings" $where) "settings" $projection.settings) -}}
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
{{- if and (eq $scaling.type "keda") (not $scaling.keda.triggers) -}}
{{- if not (dig "source" "mirror" true $projection.settings) -}}
{{- fail (printf "%s: keda reads the lag from the broker's group, which source.mirror: false does not keep. Take that away, or give scaling.keda.triggers" $where) -}}
{{- end -}}
{{- if or (dig "redis" "cluster" false $source) (dig "redis" "sentinel" "" $source) -}}
{{- fail (printf "%s: for a Redis Cluster or Sentinels give scaling.keda.triggers" $where) -}}
{{- end -}}
{{- end -}}
{{- $group := printf "%s of source %s" (dig "source" "group" $projection.name $projection.settings) (dig "source" "from" "" $projection.settings) -}}
{{- if hasKey $groups $group -}}
{{- fail (printf "%s and projections.%s have the same group, %s: each would take partitions from the other. Give one another name" $where (get $groups $group) $group) -}}
{{- end -}}
{{- $_ := set $groups $group $key -}}
{{- end -}}
{{- end }}

{{/* A secret in the values would be in a ConfigMap, in the release and in every `helm get values`. */}}
{{- define "projection-consumer.refuseSecrets" -}}
{{- $text := toYaml .settings -}}
{{- $keys := "(password|sasl\\.password|ssl\\.key\\.password|ssl\\.keystore\\.password|sasl\\.oauthbearer\\.client\\.secret|ssl\\.key\\.pem)" -}}
{{- $key := regexFind (printf "(?m)^[- ]*%s: *[\"']?[^$\\s\"']" $keys) $text -}}
{{- $url := regexFind "://[^/@\\s:]*:[^$@/\\s][^@/\\s]*@" $text -}}
{{- if or $key $url -}}
{{- fail (printf "%s holds a secret%s. Put it into a Secret, name that as existingSecret, and say where its file is, as in password_file: /etc/projections/secrets/KEY" .where (ternary " in a URL" (printf " (%s)" (regexFind $keys $key)) (not $key))) -}}
{{- end -}}
{{- end }}
