{{/*
All projections, each with the defaults under what it says itself, checked; as YAML:
  {{- range $key, $projection := include "projection-consumer.projections" . | fromYaml }}
*/}}
{{- define "projection-consumer.projections" -}}
{{- $all := dict -}}
{{- include "projection-consumer.prune" .Values.settings -}}
{{- range $key, $own := .Values.projections -}}
{{- if not (kindIs "invalid" $own) -}}
{{- $projection := mergeOverwrite (deepCopy $.Values.defaults) (deepCopy $own) -}}
{{- include "projection-consumer.prune" $projection -}}
{{- $_ := set $projection "name" ($projection.name | default $key) -}}
{{- $_ := set $projection "drain" (int (ceil (dig "drain_seconds" 25 $projection.settings))) -}}
{{- /* A tag or a repository of its own stands for another image, which no digest from above names. */ -}}
{{- $image := deepCopy $.Values.image -}}
{{- range list $.Values.defaults.image (dig "image" dict $own) -}}
{{- if and . (or .tag .repository) (not .digest) -}}{{- $_ := set $image "digest" "" -}}{{- end -}}
{{- $image = mergeOverwrite $image (deepCopy (. | default dict)) -}}
{{- end -}}
{{- $_ := set $projection "image" $image -}}
{{- $_ := set $all $key $projection -}}
{{- end -}}
{{- end -}}
{{- include "projection-consumer.refuse" (dict "root" . "projections" $all) -}}
{{- toYaml $all -}}
{{- end }}

{{/* Takes away, in place, what is null: so a projection drops a default, as Helm's own values do. */}}
{{- define "projection-consumer.prune" -}}
{{- $tree := . -}}
{{- if kindIs "map" $tree -}}
{{- range $key, $value := $tree -}}
{{- if kindIs "invalid" $value -}}{{- $_ := unset $tree $key -}}{{- end -}}
{{- include "projection-consumer.prune" $value -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The projections.yaml of one projection: its own entry alone, so that a change of another restarts nobody. */}}
{{- define "projection-consumer.settings" -}}
{{- $settings := deepCopy .root.Values.settings -}}
{{- $_ := set $settings "projections" (dict .projection.name .projection.settings) -}}
{{- toYaml $settings -}}
{{- end }}

{{- define "projection-consumer.image" -}}
{{- $image := .projection.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* The kind of a projection's source, kafka or redis, and what the settings say of it, as YAML. */}}
{{- define "projection-consumer.source" -}}
{{- $from := dig "source" "from" "" .projection.settings -}}
{{- toYaml (dig "sources" $from dict .root.Values.settings) -}}
{{- end }}

{{/* The Kafka group of a projection. */}}
{{- define "projection-consumer.group" -}}
{{- dig "source" "group" "" .projection.settings | default .projection.name -}}
{{- end }}
