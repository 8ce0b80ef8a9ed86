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
k3s: { runtime: containerd, paths: [{ path: /var/lib/rancher/k3s/agent/etc/containerd }] }
rke2: { runtime: containerd, paths: [{ path: /var/lib/rancher/rke2/agent/etc/containerd }] }
k0s: { runtime: containerd, paths: [{ path: /etc/containerd, type: DirectoryOrCreate }, { path: /etc/k0s, readOnly: true }] }
microk8s: { runtime: containerd, paths: [{ path: /var/snap/microk8s/current/args }] }
canonical: { runtime: containerd, paths: [{ path: /var/snap/k8s/common/etc/containerd }] }
talos: { runtime: containerd, paths: [{ path: /etc/cri/conf.d }] }
crio: { runtime: crio, paths: [{ path: /etc/containers }] }
docker: { runtime: docker, paths: [{ path: /etc/docker }] }
gke: { mode: none, runtime: containerd, paths: [] }
bottlerocket: { mode: none, runtime: containerd, paths: [] }
openshift: { mode: none, runtime: crio, paths: [] }
{{- end -}}

{{/* The node set-up as it is for this release, as YAML: mode, runtime, paths. */}}
{{- define "darner.nodeSetup" -}}
{{- $profile := index (include "darner.profiles" . | fromYaml) .Values.profile -}}
{{- $mode := default .Values.nodeSetup.mode $profile.mode -}}
mode: {{ $mode }}
runtime: {{ default $profile.runtime .Values.nodeSetup.runtime }}
paths: {{ ternary .Values.nodeSetup.paths $profile.paths (gt (len .Values.nodeSetup.paths) 0) | toJson }}
{{- end -}}
