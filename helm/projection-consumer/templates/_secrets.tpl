{{/*
A secret in the values would be in a ConfigMap, in the release and in every `helm get values`. Refuses one anywhere
in a value: (dict "where" PATH "value" ANY). Files of secrets are named freely, and so are variables: ${NAME}, and
$(NAME) as in a container's environment.
*/}}
{{- define "projection-consumer.refuseSecrets" -}}
{{- $where := .where -}}
{{- if kindIs "map" .value -}}
{{- range $key, $value := .value -}}
{{- if ne $key "config_files" -}}
{{- include "projection-consumer.refuseSecrets" (dict "where" (printf "%s.%s" $where $key) "value" $value) -}}
{{- end -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- range .value -}}
{{- include "projection-consumer.refuseSecrets" (dict "where" $where "value" .) -}}
{{- end -}}
{{- else if not (kindIs "invalid" .value) -}}
{{- $plain := regexReplaceAll "[$]([{][A-Za-z_][A-Za-z0-9_]*(:-)?[}]|[(][A-Za-z_][A-Za-z0-9_]*[)])" (toString .value) "" -}}
{{- $named := regexMatch "(?i)(password|passwd|passphrase|secret|secret_(access_)?key|private_key|key[.]pem|_token|schema_registry[.]token|api_?key)$" $where -}}
{{- $inside := regexMatch "(?i)(://[^/@\\s:]*:[^/@\\s]+@|password=[^&\\s])" $plain -}}
{{- if or (and $named $plain) $inside -}}
{{- fail (printf "%s holds a secret. Put it into a Secret, name that as existingSecret, and say where its file is, as in password_file: /etc/projections/secrets/KEY" $where) -}}
{{- end -}}
{{- end -}}
{{- end }}
