{{/* KEDA's triggers of a projection: its own, else the lag of its source, as the broker's group shows it. */}}
{{- define "projection-consumer.triggers" -}}
{{- $keda := .projection.scaling.keda -}}
{{- $source := include "projection-consumer.source" . | fromYaml -}}
{{- $topics := dig "source" "topics" list .projection.settings -}}
{{- $triggers := list -}}
{{- if $keda.triggers -}}
{{- $triggers = $keda.triggers -}}
{{- else if $source.kafka -}}
{{- /* KEDA refuses what stands both here and in the TriggerAuthentication: that one holds username and password. */ -}}
{{- $config := $source.kafka.config | default dict -}}
{{- $protocol := get $config "security.protocol" | toString | upper -}}
{{- $secured := dict -}}
{{- if regexMatch "SSL$" $protocol -}}{{- $_ := set $secured "tls" "enable" -}}{{- end -}}
{{- $mechanism := get (dict "PLAIN" "plaintext" "SCRAM-SHA-256" "scram_sha256" "SCRAM-SHA-512" "scram_sha512") (get $config "sasl.mechanism" | default (get $config "sasl.mechanisms") | toString) -}}
{{- if and (hasPrefix "SASL_" $protocol) $mechanism -}}{{- $_ := set $secured "sasl" $mechanism -}}{{- end -}}
{{- range $topics -}}
{{- $triggers = append $triggers (dict "type" "kafka" "metadata" (merge (dict
      "bootstrapServers" (join "," $source.kafka.bootstrap_servers)
      "consumerGroup" (dig "source" "group" $.projection.name $.projection.settings)
      "topic" .
      "lagThreshold" (toString (int $keda.lagThreshold))
      "activationLagThreshold" (toString (int $keda.activationLagThreshold))
      "offsetResetPolicy" "earliest"
      "allowIdleConsumers" "false"
    ) $secured)) -}}
{{- end -}}
{{- else -}}
{{- $url := urlParse (regexReplaceAll "//[^/@]*@" $source.redis.url "//") -}}
{{- range $topic := $topics -}}
{{- range $stream := until (int $source.redis.streams) -}}
{{- $triggers = append $triggers (dict "type" "redis-streams" "metadata" (dict
      "address" (ternary $url.host (printf "%s:6379" $url.host) (regexMatch ":[0-9]+$" $url.host))
      "enableTLS" (toString (eq $url.scheme "rediss"))
      "databaseIndex" (trimPrefix "/" $url.path | default "0")
      "stream" (printf "%s:%d" $topic $stream)
      "consumerGroup" $.projection.name
      "lagCount" (toString (int $keda.lagThreshold))
      "activationLagCount" (toString (int $keda.activationLagThreshold))
    )) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $keda.authenticationRef (not $keda.triggers) -}}
{{- range $triggers -}}{{- $_ := set . "authenticationRef" (dict "name" $keda.authenticationRef) -}}{{- end -}}
{{- end -}}
{{- toYaml $triggers -}}
{{- end }}
