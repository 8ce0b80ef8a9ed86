{{/*
The daemon. Beside node set-up it is the sidecar (`restartPolicy: Always`), because of the order Kubernetes ends a pod in: first
node set-up, which gives the runtime's files back, then the sidecar, which serves until then. Argument: (list $ sidecar).
*/}}
{{- define "darner.daemonContainer" -}}
{{- $ := index . 0 -}}
{{- $d := $.Values.daemon -}}
- name: daemon
  image: {{ include "darner.image" $ }}
  imagePullPolicy: {{ $.Values.image.pullPolicy }}
  {{- if index . 1 }}
  restartPolicy: Always
  {{- end }}
  args: [daemon, --config, /etc/darner/darner.yaml]
  env:
    - name: DARNER_NAME
      valueFrom: { fieldRef: { fieldPath: spec.nodeName } }
    - name: DARNER_ADVERTISE
      valueFrom: { fieldRef: { fieldPath: status.hostIP } }
    - name: DARNER_JOIN_FINGERPRINT
      valueFrom: { configMapKeyRef: { name: {{ include "darner.fullname" $ }}-cluster, key: fingerprint } }
    {{- with $d.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  ports:
    - { name: pieces, containerPort: {{ $d.ports.pieces }}, hostPort: {{ $d.ports.pieces }} }
    - { name: p2p, containerPort: {{ $d.ports.p2p }}, hostPort: {{ $d.ports.p2p }} }
    - { name: metrics, containerPort: {{ $d.ports.metrics }}, hostPort: {{ $d.ports.metrics }} }
  startupProbe:
    httpGet: { host: 127.0.0.1, path: /livez, port: {{ $d.ports.metrics }} }
    periodSeconds: 3
    failureThreshold: 40
  readinessProbe:
    httpGet: { host: 127.0.0.1, path: /readyz, port: {{ $d.ports.metrics }} }
    periodSeconds: 5
    timeoutSeconds: 2
  {{- if $d.livenessProbe.enabled }}
  livenessProbe:
    httpGet: { host: 127.0.0.1, path: /livez, port: {{ $d.ports.metrics }} }
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  {{- end }}
  securityContext:
    runAsUser: {{ $d.user }}
    runAsGroup: {{ $d.group }}
    {{- include "darner.restricted" $ | nindent 4 }}
  resources:
    {{- toYaml $d.resources | nindent 4 }}
  volumeMounts:
    - { name: config, mountPath: /etc/darner/darner.yaml, subPath: darner.yaml, readOnly: true }
    - { name: cache, mountPath: /var/lib/darner }
    - { name: run, mountPath: /run/darner, readOnly: true }
    - { name: tmp, mountPath: /tmp }
    - { name: join-token, mountPath: /var/run/secrets/darner, readOnly: true }
    {{- range $.Values.registryCredentials }}
    - { name: credentials-{{ . }}, mountPath: /etc/darner/registry-credentials/{{ . }}, readOnly: true }
    {{- end }}
    {{- with $d.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* Tells the node's runtime of the mirror for as long as the daemon serves. Argument: (list $ nodeSetup). */}}
{{- define "darner.nodeSetupContainer" -}}
{{- $ := index . 0 -}}
{{- $setup := index . 1 -}}
{{- $n := $.Values.nodeSetup -}}
- name: node-setup
  image: {{ include "darner.image" $ }}
  imagePullPolicy: {{ $.Values.image.pullPolicy }}
  args:
    - node-setup
    - --runtime
    - {{ $setup.runtime }}
    - --ready
    - http://127.0.0.1:{{ $.Values.daemon.ports.metrics }}/readyz
    - --mirror
    - 127.0.0.1:{{ $.Values.daemon.ports.mirror }}
    - --admin
    - 127.0.0.1:{{ $.Values.daemon.ports.admin }}
    {{- if not $setup.socketDir }}
    - --no-probe
    {{- end }}
    - --root
    - /host
    - --state-dir
    - {{ $n.statePath }}
    {{- with $n.configDir }}
    - --config-dir
    - {{ . | quote }}
    {{- end }}
    {{- with $n.exclude }}
    - --exclude
    - {{ join "," . | quote }}
    {{- end }}
    {{- with $n.registries }}
    - --registries
    - {{ join "," . | quote }}
    {{- end }}
    {{- if not $n.resolveTags }}
    - --no-resolve
    {{- end }}
    {{- if $.Values.nodeReadiness.enabled }}
    - --remove-taint
    - {{ $.Values.nodeReadiness.taint | quote }}
    {{- end }}
    {{- if $n.events }}
    - --events
    {{- end }}
    # Its version says whether containerd has a directory without being told.
    - --node
    - $(NODE_NAME)
  env:
    - name: NODE_NAME
      valueFrom: { fieldRef: { fieldPath: spec.nodeName } }
  securityContext:
    # The runtime's files are root's; it needs no capability to write them.
    runAsUser: 0
    runAsGroup: 0
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities:
      drop: [ALL]
  resources:
    {{- toYaml $n.resources | nindent 4 }}
  volumeMounts:
    - { name: node-setup-state, mountPath: {{ printf "/host%s" $n.statePath | quote }} }
    {{- range $i, $p := $setup.paths }}
    - { name: node-{{ $i }}, mountPath: {{ printf "/host%s" $p.path | quote }}{{ if $p.readOnly }}, readOnly: true{{ end }} }
    {{- end }}
    {{- with $setup.socketDir }}
    - { name: runtime-socket, mountPath: {{ printf "/host%s" . | quote }}, readOnly: true }
    {{- end }}
    {{- if include "darner.asksNode" $ }}
    - { name: node-token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true }
    {{- end }}
{{- end -}}
