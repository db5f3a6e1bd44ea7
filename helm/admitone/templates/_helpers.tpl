{{- define "admitone.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "admitone.fullname" -}}
{{- $name := include "admitone.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "admitone.selector" -}}
app.kubernetes.io/name: {{ include "admitone.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "admitone.worker" -}}
{{ include "admitone.selector" . }}
app.kubernetes.io/component: worker
{{- end -}}

{{- define "admitone.labels" -}}
{{ include "admitone.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "admitone.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "admitone.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "admitone.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- /* Seconds of a duration as the settings write it (100ms, 25s, 1m), rounded up. */ -}}
{{- define "admitone.seconds" -}}
{{- $units := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000 -}}
{{- $milliseconds := mul (regexFind "^[0-9]+" .) (index $units (regexFind "[a-z]+$" .)) -}}
{{- div (add $milliseconds 999) 1000 -}}
{{- end -}}

{{- define "admitone.replicasAreOurs" -}}
{{- if not (or .Values.keda.enabled .Values.hpa.enabled) -}}yes{{- end -}}
{{- end -}}

{{- /* What values.schema.json cannot say: how values go together. */ -}}
{{- define "admitone.check" -}}
{{- $v := .Values -}}
{{- $grace := include "admitone.seconds" (dig "shutdown" "grace" "25s" $v.config) | int -}}
{{- if lt (int $v.terminationGracePeriodSeconds) $grace -}}
{{- fail (printf "terminationGracePeriodSeconds %d is shorter than config.shutdown.grace (%d s): a worker would be killed while it drains" (int $v.terminationGracePeriodSeconds) $grace) -}}
{{- end -}}
{{- if not (dig "kafka" "bootstrap_servers" "" $v.config) -}}
{{- fail "config.kafka.bootstrap_servers is required: HOST:PORT of the brokers, comma separated" -}}
{{- end -}}
{{- if not $v.secrets.database.existingSecret -}}
{{- fail "secrets.database.existingSecret is required: a Secret with the connection of the worker's role" -}}
{{- end -}}
{{- if and (ne $v.migration.mode "none") (not $v.secrets.owner.existingSecret) -}}
{{- fail "secrets.owner.existingSecret is required for migrations; or set migration.mode to none" -}}
{{- end -}}
{{- if and $v.keda.enabled $v.hpa.enabled -}}
{{- fail "keda.enabled and hpa.enabled: two autoscalers of one workload; choose one" -}}
{{- end -}}
{{- if and $v.staticMembership (ne $v.kind "StatefulSet") -}}
{{- fail "staticMembership needs kind: StatefulSet, whose pods keep their names" -}}
{{- end -}}
{{- if and $v.keda.enabled $v.keda.sagaBacklog.enabled (not (or $v.keda.sagaBacklog.existingSecret $v.secrets.reader.existingSecret)) -}}
{{- fail "keda.sagaBacklog needs the reader's connection: secrets.reader.existingSecret or keda.sagaBacklog.existingSecret" -}}
{{- end -}}
{{- $protocol := dig "kafka" "security_protocol" "plaintext" $v.config -}}
{{- $tls := and (eq $protocol "ssl") (get $v.keda.kafkaMetadata "tls") -}}
{{- if and $v.keda.enabled (ne $protocol "plaintext") (not $v.keda.kafkaAuthentication) (not $tls) -}}
{{- fail (printf "config.kafka.security_protocol %s: KEDA has to log in, too; name its TriggerAuthentication in keda.kafkaAuthentication (for ssl alone, keda.kafkaMetadata.tls may do)" $protocol) -}}
{{- end -}}
{{- if and $v.prometheusRule.enabled (not $v.podMonitor.enabled) -}}
{{- fail "prometheusRule.enabled needs podMonitor.enabled: the alerts look at its job" -}}
{{- end -}}
{{- if and $v.secrets.kafka.options (not $v.secrets.kafka.existingSecret) -}}
{{- fail "secrets.kafka.options needs secrets.kafka.existingSecret" -}}
{{- end -}}
{{- if and (include "admitone.kafkaKeys" .) (not $v.secrets.kafka.existingSecret) -}}
{{- fail "the keys of secrets.kafka need secrets.kafka.existingSecret" -}}
{{- end -}}
{{- $k := $v.secrets.kafka -}}
{{- if ne (empty $k.certificateKey) (empty $k.privateKeyKey) -}}
{{- fail "secrets.kafka.certificateKey and secrets.kafka.privateKeyKey go together" -}}
{{- end -}}
{{- if and (dig "chain" "enabled" false $v.config) (not $v.secrets.solana.existingSecret) -}}
{{- fail "config.chain.enabled needs secrets.solana.existingSecret: RPC endpoint and wallet" -}}
{{- end -}}
{{- end -}}

{{- /* The keys of secrets.kafka that are named, by comma. */ -}}
{{- define "admitone.kafkaKeys" -}}
{{- $k := .Values.secrets.kafka -}}
{{- without (list $k.passwordKey $k.clientSecretKey $k.certificateKey $k.privateKeyKey $k.privateKeyPasswordKey $k.caKey $k.tokenKey) "" | uniq | join "," -}}
{{- end -}}

{{- /* admitone.yaml: the settings given, and the files that the chart mounts for Kafka. */ -}}
{{- define "admitone.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $files := dict -}}
{{- range $option, $key := .Values.secrets.kafka.options -}}
{{- $_ := set $files $option (printf "/etc/admitone/secrets/kafka/%s" $key) -}}
{{- end -}}
{{- if $files -}}
{{- $_ := set $config.kafka "option_files" $files -}}
{{- end -}}
{{- range $section, $settings := $config -}}
{{- if $settings }}
{{ dict $section $settings | toYaml }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The Secrets of a worker, as a list of name, secret, keys (each once) and variables. */ -}}
{{- define "admitone.secrets" -}}
{{- $s := .Values.secrets -}}
database:
  secret: {{ $s.database.existingSecret | quote }}
  keys: {{ concat (list $s.database.key) $s.database.files | uniq | toJson }}
  env: {ADMITONE_DATABASE_URL_FILE: {{ $s.database.key | quote }}}
reader:
  secret: {{ $s.reader.existingSecret | quote }}
  keys: {{ concat (list $s.reader.key) $s.reader.files | uniq | toJson }}
  env: {ADMITONE_DATABASE_READER_URL_FILE: {{ $s.reader.key | quote }}}
kafka:
  secret: {{ $s.kafka.existingSecret | quote }}
  keys: {{ concat (without (splitList "," (include "admitone.kafkaKeys" .)) "") (values $s.kafka.options | sortAlpha) $s.kafka.files | uniq | toJson }}
  env:
    {{- range $variable, $key := dict "SASL_PASSWORD_FILE" $s.kafka.passwordKey "OAUTH_CLIENT_SECRET_FILE" $s.kafka.clientSecretKey "CLIENT_CERTIFICATE_FILE" $s.kafka.certificateKey "CLIENT_KEY_FILE" $s.kafka.privateKeyKey "CLIENT_KEY_PASSWORD_FILE" $s.kafka.privateKeyPasswordKey "CA_FILE" $s.kafka.caKey "OAUTH_TOKEN_FILE" $s.kafka.tokenKey }}
    {{- with $key }}
    ADMITONE_KAFKA_{{ $variable }}: {{ . | quote }}
    {{- end }}
    {{- end }}
redis:
  secret: {{ $s.redis.existingSecret | quote }}
  keys: {{ concat (list $s.redis.urlKey) (ternary (list $s.redis.passwordKey) list (ne $s.redis.passwordKey "")) $s.redis.files | uniq | toJson }}
  env:
    ADMITONE_REDIS_URL_FILE: {{ $s.redis.urlKey | quote }}
    {{- with $s.redis.passwordKey }}
    ADMITONE_REDIS_PASSWORD_FILE: {{ . | quote }}
    {{- end }}
venue:
  secret: {{ $s.venue.existingSecret | quote }}
  keys: {{ list $s.venue.key | toJson }}
  env: {ADMITONE_VENUE_TOKEN_KEY_FILE: {{ $s.venue.key | quote }}}
solana:
  secret: {{ $s.solana.existingSecret | quote }}
  keys: {{ list $s.solana.rpcUrlKey | toJson }}
  env: {ADMITONE_SOLANA_RPC_URL_FILE: {{ $s.solana.rpcUrlKey | quote }}}
http:
  secret: {{ $s.http.existingSecret | quote }}
  keys: {{ without (list $s.http.adminTokenKey $s.http.readerTokenKey) "" | uniq | toJson }}
  env:
    {{- with $s.http.adminTokenKey }}
    ADMITONE_HTTP_ADMIN_TOKEN_FILE: {{ . | quote }}
    {{- end }}
    {{- with $s.http.readerTokenKey }}
    ADMITONE_HTTP_READER_TOKEN_FILE: {{ . | quote }}
    {{- end }}
{{- end -}}

{{- define "admitone.podSecurity" -}}
runAsNonRoot: true
{{ toYaml .Values.podSecurityContext }}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "admitone.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- /* `admitone migrate up`, as the Job and the init container run it. The settings of the database are variables: before
       the first install there is no ConfigMap. */ -}}
{{- define "admitone.migrate" -}}
name: migrate
image: {{ include "admitone.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [migrate, up]
env:
  - {name: ADMITONE_DATABASE_OWNER_URL_FILE, value: {{ printf "/etc/admitone/secrets/owner/%s" .Values.secrets.owner.key | quote }}}
  {{- range $section := list "database" "log" }}
  {{- range $key, $value := dig $section dict $.Values.config }}
  - {name: {{ printf "ADMITONE_%s_%s" $section $key | upper }}, value: {{ $value | toString | quote }}}
  {{- end }}
  {{- end }}
securityContext:
  {{- include "admitone.containerSecurity" . | nindent 2 }}
resources:
  {{- toYaml .Values.migration.resources | nindent 2 }}
volumeMounts:
  - {name: owner, mountPath: /etc/admitone/secrets/owner, readOnly: true}
{{- end -}}

{{- define "admitone.ownerVolume" -}}
{{- $owner := .Values.secrets.owner -}}
name: owner
secret:
  secretName: {{ $owner.existingSecret }}
  defaultMode: 0440
  items:
    {{- range concat (list $owner.key) $owner.files | uniq }}
    - {key: {{ . | quote }}, path: {{ . | quote }}}
    {{- end }}
{{- end -}}
