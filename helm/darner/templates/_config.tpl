{{/* What the chart itself says to both processes. */}}
{{- define "darner.commonConfig" -}}
{{- $directories := list -}}
{{- range .Values.registryCredentials -}}
{{- $directories = append $directories (printf "/etc/darner/registry-credentials/%s" .) -}}
{{- end -}}
{{- if $directories }}
credentials: { directories: {{ toJson $directories }} }
{{- end }}
{{- end -}}

{{- define "darner.schedulers" -}}
{{- $name := include "darner.schedulerName" . -}}
{{- $list := list -}}
{{- if .Values.scheduler.enabled -}}
{{- range until (int .Values.scheduler.replicas) -}}
{{- $list = append $list (printf "%s-%d.%s.%s.svc:%d" $name . $name $.Release.Namespace (int $.Values.scheduler.ports.grpc)) -}}
{{- end -}}
{{- end -}}
{{ toJson $list }}
{{- end -}}

{{- define "darner.daemonConfig" -}}
{{- $any := include "darner.any" . -}}
{{- $ports := .Values.daemon.ports -}}
dataDir: /var/lib/darner
listen:
  mirror: 127.0.0.1:{{ $ports.mirror }}
  admin: 127.0.0.1:{{ $ports.admin }}
  pieces: "{{ $any }}:{{ $ports.pieces }}"
  p2p: "{{ $any }}:{{ $ports.p2p }}"
  metrics: "{{ $any }}:{{ $ports.metrics }}"
schedulers: {{ include "darner.schedulers" . }}
{{- if .Values.zone.labels }}
zoneFile: /run/darner/zone
{{- end }}
join:
  kubernetes:
    tokenFile: /var/run/secrets/darner/token
{{- end -}}

{{- define "darner.schedulerConfig" -}}
{{- $any := include "darner.any" . -}}
dataDir: /var/lib/darner
listen:
  grpc: "{{ $any }}:{{ .Values.scheduler.ports.grpc }}"
  http: "{{ $any }}:{{ .Values.scheduler.ports.http }}"
{{- if gt (int .Values.scheduler.replicas) 1 }}
schedulers: {{ include "darner.schedulers" . }}
{{- end }}
join:
  {{- if .Values.auth.existingSecret }}
  signingKeyFile: /etc/darner/keys/signing.key
  {{- end }}
  kubernetes:
    serviceAccounts:
      - {{ .Release.Namespace }}/{{ include "darner.fullname" . }}-daemon
      {{- if .Values.seed.enabled }}
      - {{ .Release.Namespace }}/{{ include "darner.fullname" . }}-seed
      {{- end }}
    configMap: {{ .Release.Namespace }}/{{ include "darner.fullname" . }}-cluster
    {{- if not .Values.auth.existingSecret }}
    secret: {{ .Release.Namespace }}/{{ include "darner.keys" . }}
    {{- end }}
{{- if or .Values.auth.existingSecret .Values.scheduler.tls.existingSecret }}
api:
  {{- if .Values.auth.existingSecret }}
  tokenFile: /etc/darner/keys/api-token
  {{- end }}
  {{- if .Values.scheduler.tls.existingSecret }}
  tls: { certFile: /etc/darner/tls/tls.crt, keyFile: /etc/darner/tls/tls.key }
  {{- end }}
{{- end }}
{{- end -}}

{{- define "darner.seedConfig" -}}
{{- $any := include "darner.any" . -}}
{{- $ports := .Values.daemon.ports -}}
dataDir: /var/lib/darner
seed: true
listen:
  mirror: 127.0.0.1:{{ $ports.mirror }}
  admin: 127.0.0.1:{{ $ports.admin }}
  pieces: "{{ $any }}:{{ $ports.pieces }}"
  p2p: "{{ $any }}:{{ $ports.p2p }}"
  metrics: "{{ $any }}:{{ $ports.metrics }}"
schedulers: {{ include "darner.schedulers" . }}
{{- if .Values.zone.labels }}
zoneFile: /run/darner/zone
{{- end }}
join:
  kubernetes:
    tokenFile: /var/run/secrets/darner/token
{{- end -}}

{{/* A process's configuration: what the chart says, then `config` for all, then its own. Argument: (list $ "darner.daemonConfig" own). */}}
{{- define "darner.config" -}}
{{- $ := index . 0 -}}
{{- $chart := include (index . 1) $ | fromYaml -}}
{{- $common := include "darner.commonConfig" $ | fromYaml -}}
{{- mergeOverwrite $chart $common (deepCopy $.Values.config) (deepCopy (index . 2)) | toYaml -}}
{{- end -}}
