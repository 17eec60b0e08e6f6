{{/*
The pod of a worker, of a replay or of a test: (dict "root" $ "key" KEY "projection" P "args" LIST "worker" BOOL).
It fits the restricted Pod Security profile.
*/}}
{{- define "projection-consumer.pod" -}}
{{- $selector := include "projection-consumer.selector" . | fromYaml -}}
serviceAccountName: {{ include "projection-consumer.serviceAccountName" .root | quote }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .projection.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
securityContext:
  {{- toYaml (mergeOverwrite (dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault")) (.projection.podSecurityContext | default dict)) | nindent 2 }}
{{- if .worker }}
terminationGracePeriodSeconds: {{ .projection.terminationGracePeriodSeconds | default (add .projection.drain 15) | int }}
{{- with .projection.topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml . | nindent 2 }}
{{- else }}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- toYaml $selector | nindent 8 }}
  {{- end }}
{{- end }}
{{- else }}
restartPolicy: Never
{{- end }}
{{- with .projection.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .projection.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .projection.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: {{ ternary "worker" "command" .worker }}
    image: {{ include "projection-consumer.image" . | quote }}
    imagePullPolicy: {{ .projection.image.pullPolicy }}
    args: {{- toYaml .args | nindent 6 }}
    env:
      - {name: PROJECTIONS_CONFIG, value: /etc/projections/projections.yaml}
      {{- with .projection.env }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- with .projection.envFrom }}
    envFrom: {{- toYaml . | nindent 6 }}
    {{- end }}
    securityContext:
      {{- $restricted := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL")) }}
      {{- toYaml (mergeOverwrite $restricted (.projection.securityContext | default dict)) | nindent 6 }}
    resources: {{- toYaml .projection.resources | nindent 6 }}
    {{- if .worker }}
    ports:
      - {name: http, containerPort: {{ .root.Values.settings.http.port }}}
    # The loop's heartbeat alone, never the lag and never a server: a new process would not reach it either.
    startupProbe:
      httpGet: {path: /livez, port: http}
      periodSeconds: 2
      failureThreshold: 60
    livenessProbe:
      httpGet: {path: /livez, port: http}
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 3
    readinessProbe:
      httpGet: {path: /readyz, port: http}
      periodSeconds: 5
      timeoutSeconds: 5
    {{- end }}
    volumeMounts:
      - {name: settings, mountPath: /etc/projections/projections.yaml, subPath: projections.yaml, readOnly: true}
      - {name: tmp, mountPath: /tmp}
      {{- if .projection.existingSecret }}
      - {name: secrets, mountPath: /etc/projections/secrets, readOnly: true}
      {{- end }}
      {{- with .projection.volumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
volumes:
  - name: settings
    configMap: {name: {{ include "projection-consumer.name" . }}}
  - name: tmp
    emptyDir: {}
  {{- with .projection.existingSecret }}
  - name: secrets
    secret: {secretName: {{ . | quote }}, defaultMode: 0440}
  {{- end }}
  {{- with .projection.volumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
