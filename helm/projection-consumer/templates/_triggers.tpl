{{/* KEDA's triggers of a projection: its own, else the lag of its source, as the broker's group shows it. */}}
{{- define "projection-consumer.triggers" -}}
{{- $keda := .projection.scaling.keda -}}
{{- $source := include "projection-consumer.source" . | fromYaml -}}
{{- $topics := dig "source" "topics" list .projection.settings -}}
{{- $triggers := list -}}
{{- if $keda.triggers -}}
{{- $triggers = $keda.triggers -}}
{{- else if $source.kafka -}}
{{- range $topics -}}
{{- $triggers = append $triggers (dict "type" "kafka" "metadata" (dict
      "bootstrapServers" (join "," $source.kafka.bootstrap_servers)
      "consumerGroup" (dig "source" "group" $.projection.name $.projection.settings)
      "topic" .
      "lagThreshold" (toString (int $keda.lagThreshold))
      "activationLagThreshold" (toString (int $keda.activationLagThreshold))
      "offsetResetPolicy" "earliest"
      "allowIdleConsumers" "false"
    )) -}}
{{- end -}}
{{- else -}}
{{- $url := urlParse $source.redis.url -}}
{{- range $topic := $topics -}}
{{- range $stream := until (int $source.redis.streams) -}}
{{- $triggers = append $triggers (dict "type" "redis-streams" "metadata" (dict
      "address" $url.host
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
