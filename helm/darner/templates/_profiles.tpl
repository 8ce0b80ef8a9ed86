{{/*
Where distributions keep their runtime's configuration: the directories that node set-up sees, and the runtime.
`mode: none`: nothing there may be written, see the notes.
*/}}
{{- define "darner.profiles" -}}
"": { runtime: containerd, paths: [{ path: /etc/containerd }] }
kind: { runtime: containerd, paths: [{ path: /etc/containerd }] }
kubeadm: { runtime: containerd, paths: [{ path: /etc/containerd }] }
minikube: { runtime: containerd, paths: [{ path: /etc/containerd }] }
eks: { runtime: containerd, paths: [{ path: /etc/containerd }] }
aks: { runtime: containerd, paths: [{ path: /etc/containerd }] }
k3s: { runtime: containerd, paths: [{ path: /var/lib/rancher/k3s/agent/etc/containerd }], socketDir: /run/k3s/containerd }
rke2: { runtime: containerd, paths: [{ path: /var/lib/rancher/rke2/agent/etc/containerd }], socketDir: /run/k3s/containerd }
k0s: { runtime: containerd, paths: [{ path: /etc/containerd, type: DirectoryOrCreate }, { path: /etc/k0s, readOnly: true }], socketDir: /run/k0s }
microk8s: { runtime: containerd, paths: [{ path: /var/snap/microk8s/current/args }], socketDir: /var/snap/microk8s/common/run }
canonical: { runtime: containerd, paths: [{ path: /var/snap/k8s/common/etc/containerd }], socketDir: /var/snap/k8s/common/run }
talos: { runtime: containerd, paths: [{ path: /etc/cri/conf.d }] }
crio: { runtime: crio, paths: [{ path: /etc/containers }] }
docker: { runtime: docker, paths: [{ path: /etc/docker }] }
gke: { mode: none, runtime: containerd, paths: [] }
bottlerocket: { mode: none, runtime: containerd, paths: [] }
openshift: { mode: none, runtime: crio, paths: [] }
{{- end -}}

{{/* The node set-up as it is for this release, as YAML: mode, runtime, paths, and where the socket is that a probe needs. */}}
{{- define "darner.nodeSetup" -}}
{{- $profile := index (include "darner.profiles" . | fromYaml) .Values.profile -}}
{{- $runtime := default $profile.runtime .Values.nodeSetup.runtime -}}
{{- $mode := default .Values.nodeSetup.mode $profile.mode -}}
mode: {{ $mode }}
runtime: {{ $runtime }}
paths: {{ ternary .Values.nodeSetup.paths $profile.paths (gt (len .Values.nodeSetup.paths) 0) | toJson }}
socketDir: {{ ternary (default "/run/containerd" $profile.socketDir) "" (and .Values.nodeSetup.probe (eq $runtime "containerd")) | quote }}
{{- end -}}

{{/* Whether a node's pod asks the API server: for the node's zone, or, to set it up, for its taint and to write events; empty where not. */}}
{{- define "darner.asksNode" -}}
{{- $setup := include "darner.nodeSetup" . | fromYaml -}}
{{- if or .Values.zone.labels (and (eq $setup.mode "lease") (or .Values.nodeReadiness.enabled .Values.nodeSetup.events)) -}}yes{{- end -}}
{{- end -}}
