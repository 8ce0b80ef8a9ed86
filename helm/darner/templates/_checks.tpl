{{/* What a schema cannot see; every message says what to change. */}}
{{- define "darner.checks" -}}
{{- $problems := list -}}
{{- $seen := dict -}}
{{- range $name, $port := .Values.daemon.ports -}}
{{- $other := get $seen (toString $port) -}}
{{- if $other -}}
{{- $problems = append $problems (printf "daemon.ports.%s and daemon.ports.%s are both %v: daemons use the node's own ports, give each another one" $other $name $port) -}}
{{- end -}}
{{- $_ := set $seen (toString $port) $name -}}
{{- end -}}
{{- if eq (int .Values.scheduler.ports.grpc) (int .Values.scheduler.ports.http) -}}
{{- $problems = append $problems (printf "scheduler.ports.grpc and scheduler.ports.http are both %v: give each another one" .Values.scheduler.ports.grpc) -}}
{{- end -}}
{{- if not (hasKey (include "darner.profiles" . | fromYaml) .Values.profile) -}}
{{- $problems = append $problems (printf "there is no profile %q: %s" .Values.profile (keys (include "darner.profiles" . | fromYaml) | sortAlpha | compact | join ", ")) -}}
{{- end -}}
{{- $cache := clean .Values.daemon.cache.hostPath -}}
{{- $state := clean .Values.nodeSetup.statePath -}}
{{- if or (hasPrefix (printf "%s/" $cache) (printf "%s/" $state)) (hasPrefix (printf "%s/" $state) (printf "%s/" $cache)) -}}
{{- $problems = append $problems (printf "daemon.cache.hostPath (%s) and nodeSetup.statePath (%s) lie in each other: the daemon must not be able to write what root puts back" $cache $state) -}}
{{- end -}}
{{- $setup := include "darner.nodeSetup" . | fromYaml -}}
{{- range $setup.paths -}}
{{- if or (hasPrefix (printf "%s/" (clean .path)) (printf "%s/" $cache)) (eq (clean .path) "/") -}}
{{- $problems = append $problems (printf "nodeSetup.paths: %s holds the daemon's own directory %s, or everything: name the runtime's directory only" .path $cache) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.harbor.register.enabled (or (not .Values.harbor.register.url) (not .Values.harbor.register.existingSecret)) -}}
{{- $problems = append $problems "harbor.register needs url and existingSecret (a secret with username and password)" -}}
{{- end -}}
{{- if and .Values.harbor.register.enabled (not .Values.scheduler.enabled) -}}
{{- $problems = append $problems "harbor.register needs the scheduler (scheduler.enabled)" -}}
{{- end -}}
{{- if and .Values.scheduler.ingress.enabled (not .Values.scheduler.ingress.host) -}}
{{- $problems = append $problems "scheduler.ingress.host is empty: name the host that Harbor calls" -}}
{{- end -}}
{{- if and .Values.scheduler.httpRoute.enabled (not .Values.scheduler.httpRoute.parentRefs) -}}
{{- $problems = append $problems "scheduler.httpRoute.parentRefs is empty: name the gateway" -}}
{{- end -}}
{{- if not .Values.scheduler.enabled -}}
{{- if not (or (hasKey .Values.config "schedulers") (hasKey .Values.daemon.config "schedulers")) -}}
{{- $problems = append $problems "scheduler.enabled is false and config.schedulers names none elsewhere: daemons of Kubernetes join by their service account, which a scheduler has to review" -}}
{{- end -}}
{{- end -}}
{{- $problems = concat $problems (include "darner.missingSecrets" . | fromYamlArray) -}}
{{- if $problems -}}
{{- fail (printf "\n\nthe values are wrong:\n  - %s\n" (join "\n  - " $problems)) -}}
{{- end -}}
{{- end -}}

{{/* Secrets that values name and the cluster has not, as a YAML list; none where no cluster is asked (helm template). */}}
{{- define "darner.missingSecrets" -}}
{{- $problems := list -}}
{{- if and .Values.checkSecrets (lookup "v1" "Namespace" "" .Release.Namespace) -}}
{{- $named := dict -}}
{{- with .Values.auth.existingSecret }}{{ $_ := set $named . "auth.existingSecret" }}{{ end -}}
{{- with .Values.scheduler.tls.existingSecret }}{{ $_ := set $named . "scheduler.tls.existingSecret" }}{{ end -}}
{{- range .Values.image.pullSecrets }}{{ $_ := set $named . "image.pullSecrets" }}{{ end -}}
{{- range .Values.registryCredentials }}{{ $_ := set $named . "registryCredentials" }}{{ end -}}
{{- if .Values.scheduler.ingress.enabled }}{{ with .Values.scheduler.ingress.tlsSecret }}{{ $_ := set $named . "scheduler.ingress.tlsSecret" }}{{ end }}{{ end -}}
{{- if .Values.harbor.register.enabled -}}
{{- with .Values.harbor.register.existingSecret }}{{ $_ := set $named . "harbor.register.existingSecret" }}{{ end -}}
{{- with .Values.harbor.register.caSecret }}{{ $_ := set $named . "harbor.register.caSecret" }}{{ end -}}
{{- end -}}
{{- range $name, $key := $named -}}
{{- if not (lookup "v1" "Secret" $.Release.Namespace $name) -}}
{{- $problems = append $problems (printf "there is no secret %s in the namespace %s (%s): create it first" $name $.Release.Namespace $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{ toYaml $problems }}
{{- end -}}
