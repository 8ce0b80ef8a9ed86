{{- define "darner.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The release's name where it says "darner" already; at most 40 characters, so that the longest suffix still fits a label. */}}
{{- define "darner.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Selectors never carry a version: they cannot be changed in an upgrade. Argument: (list $ "daemon"). */}}
{{- define "darner.selector" -}}
{{- $ := index . 0 -}}
app.kubernetes.io/name: {{ include "darner.name" $ }}
app.kubernetes.io/instance: {{ $.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Of pods: nothing that changes without the pod's own content, so that an upgrade restarts only what it changes. */}}
{{- define "darner.podLabels" -}}
{{- $ := index . 0 -}}
{{ include "darner.selector" . }}
app.kubernetes.io/version: {{ default $.Chart.AppVersion $.Values.image.tag | replace "+" "_" | trunc 63 | quote }}
app.kubernetes.io/part-of: darner
{{- with $.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "darner.labels" -}}
{{- $ := index . 0 -}}
{{ include "darner.selector" . }}
app.kubernetes.io/version: {{ $.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: darner
app.kubernetes.io/managed-by: {{ $.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $.Chart.Name $.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with $.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The metadata of every object. Argument: (list $ "component" "name"). */}}
{{- define "darner.metadata" -}}
{{- $ := index . 0 -}}
name: {{ index . 2 }}
namespace: {{ $.Release.Namespace }}
labels:
  {{- include "darner.labels" (list $ (index . 1)) | nindent 2 }}
{{- with $.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A digest goes before a tag. */}}
{{- define "darner.image" -}}
{{- $i := .Values.image -}}
{{- $name := printf "%s%s" (ternary (printf "%s/" $i.registry) "" (ne $i.registry "")) $i.repository -}}
{{- if $i.digest -}}
{{ printf "%s@%s" $name $i.digest }}
{{- else -}}
{{ printf "%s:%s" $name (default .Chart.AppVersion $i.tag) }}
{{- end -}}
{{- end -}}

{{- define "darner.pullSecrets" -}}
{{- with .Values.image.pullSecrets -}}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "darner.any" -}}
{{ ternary "0.0.0.0" "[::]" (eq .Values.ipFamily "ipv4") }}
{{- end -}}

{{- define "darner.keys" -}}
{{ default (printf "%s-keys" (include "darner.fullname" .)) .Values.auth.existingSecret }}
{{- end -}}

{{- define "darner.schedulerName" -}}
{{ include "darner.fullname" . }}-scheduler
{{- end -}}

{{/* What every container that is not root may do: nothing. */}}
{{- define "darner.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}
