{{/* Names and labels. */}}

{{/* A long one is cut, and a hash keeps it apart from others that begin alike: 61 characters are left for all. */}}
{{- define "projection-consumer.fullname" -}}
{{- $name := .Values.fullnameOverride | default .Release.Name -}}
{{- if gt (len $name) 20 -}}
{{- printf "%s-%s" ($name | trunc 13 | trimSuffix "-") ($name | sha256sum | trunc 6) -}}
{{- else -}}
{{- $name -}}
{{- end -}}
{{- end }}

{{/* The name of a projection's objects; takes (dict "root" $ "key" KEY). */}}
{{- define "projection-consumer.name" -}}
{{- printf "%s-%s" (include "projection-consumer.fullname" .root) .key -}}
{{- end }}

{{/* The same of its CronJob, which Kubernetes wants in 52 characters. */}}
{{- define "projection-consumer.replayName" -}}
{{- $name := include "projection-consumer.name" . -}}
{{- if gt (len $name) 45 -}}
{{- $name = printf "%s-%s" ($name | trunc 38 | trimSuffix "-") ($name | sha256sum | trunc 6) -}}
{{- end -}}
{{- printf "%s-replay" $name -}}
{{- end }}

{{/* Each key once: ours win over those of an object or a projection, and these over the common ones. */}}
{{- define "projection-consumer.labels" -}}
{{- include "projection-consumer.labelsWith" (dict "root" . "labels" dict) -}}
{{- end }}

{{/* The same with an object's own: (dict "root" $ "labels" MAP). */}}
{{- define "projection-consumer.labelsWith" -}}
{{- toYaml (merge (include "projection-consumer.ownLabels" .root | fromYaml) (.labels | default dict) (.root.Values.commonLabels | default dict)) -}}
{{- end }}

{{- define "projection-consumer.ownLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* The workers of all projections. */}}
{{- define "projection-consumer.workers" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* What never changes: a Deployment's selector. */}}
{{- define "projection-consumer.selector" -}}
{{ include "projection-consumer.workers" .root }}
app.kubernetes.io/component: {{ .key | quote }}
{{- end }}

{{- define "projection-consumer.projectionLabels" -}}
{{- $ours := merge (include "projection-consumer.selector" . | fromYaml) (include "projection-consumer.ownLabels" .root | fromYaml) -}}
{{- toYaml (merge $ours (.projection.labels | default dict) (.root.Values.commonLabels | default dict)) -}}
{{- end }}

{{- define "projection-consumer.podLabels" -}}
{{- toYaml (merge (include "projection-consumer.selector" . | fromYaml) (.projection.labels | default dict) (.root.Values.commonLabels | default dict)) -}}
{{- end }}

{{/* Of a pod that is no worker, so that no selector and no budget counts it; takes "purpose" besides. */}}
{{- define "projection-consumer.commandLabels" -}}
{{- $ours := dict "app.kubernetes.io/name" (printf "%s-%s" .root.Chart.Name .purpose) "app.kubernetes.io/instance" .root.Release.Name -}}
{{- toYaml (merge $ours (.projection.labels | default dict) (.root.Values.commonLabels | default dict)) -}}
{{- end }}

{{- define "projection-consumer.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "projection-consumer.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}
