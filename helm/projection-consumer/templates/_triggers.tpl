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
{{- if hasPrefix "SASL_" $protocol -}}{{- $_ := set $secured "sasl" (include "projection-consumer.kedaSasl" $config) -}}{{- end -}}
{{- /* Each sees one topic, and would allow as many pods as that has partitions: of several, maxReplicas alone bounds them. */ -}}
{{- range $topics -}}
{{- $triggers = append $triggers (dict "type" "kafka" "metadata" (merge (dict
      "bootstrapServers" (join "," $source.kafka.bootstrap_servers)
      "consumerGroup" (include "projection-consumer.group" $)
      "topic" .
      "lagThreshold" (toString (int $keda.lagThreshold))
      "activationLagThreshold" (toString (int $keda.activationLagThreshold))
      "offsetResetPolicy" "earliest"
      "allowIdleConsumers" (toString (gt (len $topics) 1))
    ) $secured)) -}}
{{- end -}}
{{- else -}}
{{- $url := urlParse (regexReplaceAll "//[^/@]*@" $source.redis.url "//") -}}
{{- /* As the client reads it: ?db=2 before /2. */ -}}
{{- $database := regexFind "(^|&)db=[0-9]+" $url.query | regexFind "[0-9]*$" | default (trimPrefix "/" $url.path) | default "0" -}}
{{- /* The autoscaler takes the largest of all triggers, and each sees one stream: its part of what the topic may lag. */ -}}
{{- $streams := int $source.redis.streams -}}
{{- range $topic := $topics -}}
{{- range $stream := until $streams -}}
{{- $triggers = append $triggers (dict "type" "redis-streams" "metadata" (dict
      "address" (ternary $url.host (printf "%s:6379" $url.host) (regexMatch ":[0-9]+$" $url.host))
      "enableTLS" (toString (eq $url.scheme "rediss"))
      "databaseIndex" $database
      "stream" (printf "%s:%d" $topic $stream)
      "consumerGroup" $.projection.name
      "lagCount" (toString (max 1 (div (int $keda.lagThreshold) $streams)))
      "activationLagCount" (toString (div (int $keda.activationLagThreshold) $streams))
    )) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $keda.authenticationRef (not $keda.triggers) -}}
{{- range $triggers -}}{{- $_ := set . "authenticationRef" (dict "name" $keda.authenticationRef) -}}{{- end -}}
{{- end -}}
{{- toYaml $triggers -}}
{{- end }}

{{/* What KEDA calls librdkafka's mechanism, of a client's config; nothing for one that no trigger is made for. */}}
{{- define "projection-consumer.kedaSasl" -}}
{{- get (dict "PLAIN" "plaintext" "SCRAM-SHA-256" "scram_sha256" "SCRAM-SHA-512" "scram_sha512") (get . "sasl.mechanism" | default (get . "sasl.mechanisms") | toString) -}}
{{- end }}
