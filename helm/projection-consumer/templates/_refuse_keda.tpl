{{/* A lag that KEDA could not read, of a projection whose triggers are made from its source. */}}
{{- define "projection-consumer.refuseKeda" -}}
{{- $where := .where -}}
{{- $settings := .projection.settings -}}
{{- $ref := .projection.scaling.keda.authenticationRef -}}
{{- $kafka := dig "kafka" dict .source -}}
{{- $redis := dig "redis" dict .source -}}
{{- if not (or $kafka.bootstrap_servers (and $redis.url $redis.streams)) -}}
{{- fail (printf "%s: keda has to know the broker, so give settings.sources.%s here, or scaling.keda.triggers" $where $settings.source.from) -}}
{{- end -}}
{{- $told := list (join "," $kafka.bootstrap_servers) (include "projection-consumer.group" .) (join "," $settings.source.topics) (regexReplaceAll "//[^/@]*@" (toString $redis.url) "//") (toString $redis.streams) -}}
{{- range $told -}}
{{- if contains "${" . -}}
{{- fail (printf "%s: keda does not know the pod's environment, and what it is told of the source is %s. Say it in full, or give scaling.keda.triggers" $where .) -}}
{{- end -}}
{{- end -}}
{{- if regexMatch "(?i)^(false|no|off|0)$" (dig "source" "mirror" true $settings | toString) -}}
{{- fail (printf "%s: keda reads the lag from the broker's group, which source.mirror: false does not keep. Take that away, or give scaling.keda.triggers" $where) -}}
{{- end -}}
{{- if or $redis.sentinel (not (regexMatch "(?i)^(|false|no|off|0)$" (dig "cluster" "" $redis | toString))) -}}
{{- fail (printf "%s: for a Redis Cluster or Sentinels give scaling.keda.triggers" $where) -}}
{{- end -}}
{{- if hasPrefix "unix:" (lower (toString $redis.url)) -}}
{{- fail (printf "%s: the source is a socket of the pod, which keda does not reach. Give scaling.keda.triggers" $where) -}}
{{- end -}}
{{- if and (not $ref) (or $redis.password $redis.password_file (regexMatch "//[^/@]*:[^/@]*@" (toString $redis.url))) -}}
{{- fail (printf "%s: the broker wants credentials, so keda does too: name a TriggerAuthentication as scaling.keda.authenticationRef" $where) -}}
{{- end -}}
{{- $config := dig "config" dict $kafka -}}
{{- if hasPrefix "SASL_" (get $config "security.protocol" | toString | upper) -}}
{{- if not $ref -}}
{{- fail (printf "%s: the broker wants credentials, so keda does too: name a TriggerAuthentication as scaling.keda.authenticationRef" $where) -}}
{{- end -}}
{{- if not (include "projection-consumer.kedaSasl" $config) -}}
{{- fail (printf "%s: triggers are made for sasl.mechanism PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512, and the source has another or names none. Say one of them, or give scaling.keda.triggers" $where) -}}
{{- end -}}
{{- end -}}
{{- $named := join " " (concat (keys $config) (keys (dig "config_files" dict $kafka))) -}}
{{- if and (not $ref) (or (regexMatch "ssl[.](ca|certificate|key|keystore)[.]" $named) (regexMatch "[?&]ssl_(ca|certfile|keyfile)" (toString $redis.url))) -}}
{{- fail (printf "%s: the broker's certificates are files of the pod, which keda does not see: give them as ca, cert and key to a TriggerAuthentication, and name it as scaling.keda.authenticationRef" $where) -}}
{{- end -}}
{{- end }}
