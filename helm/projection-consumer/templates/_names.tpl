{{/* Names and labels. */}}

{{- define "projection-consumer.fullname" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 20 | trimSuffix "-" -}}
{{- end }}

{{/* The name of a projection's objects; takes (dict "root" $ "key" KEY). */}}
{{- define "projection-consumer.name" -}}
{{- printf "%s-%s" (include "projection-consumer.fullname" .root) .key -}}
{{- end }}

{{- define "projection-consumer.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* What never changes: a Deployment's selector. */}}
{{- define "projection-consumer.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .key }}
{{- end }}

{{- define "projection-consumer.projectionLabels" -}}
{{ include "projection-consumer.labels" .root }}
app.kubernetes.io/component: {{ .key }}
{{- with .projection.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "projection-consumer.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "projection-consumer.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}
