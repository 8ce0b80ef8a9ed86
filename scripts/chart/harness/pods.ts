import type { Json, KubeObject } from "./render.ts";

/** A container as the policies look at it. */
export type Container = Json & {
  readonly name: string;
  readonly image: string;
  readonly restartPolicy?: string;
  readonly args?: readonly string[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number; readonly hostPort?: number }[];
  readonly securityContext?: Json & { readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] } };
  readonly resources?: { readonly requests?: Json; readonly limits?: Json };
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly env?: readonly Json[];
};

/** A volume as the policies look at it. */
export type Volume = Json & {
  readonly name: string;
  readonly hostPath?: { readonly path: string };
  readonly secret?: { readonly secretName: string };
};

/** A pod as the policies look at it. */
export type PodSpec = Json & {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly Volume[];
  readonly securityContext?: Json;
  readonly hostNetwork?: boolean;
  readonly serviceAccountName?: string;
};

/** A pod of an object, with its labels. */
export type Pod = { readonly owner: KubeObject; readonly labels: Readonly<Record<string, string>>; readonly spec: PodSpec };

/** The pods that objects make. */
export function podsOf(objects: readonly KubeObject[]): readonly Pod[] {
  return objects.flatMap((owner) => {
    if (owner.kind === "Pod") return [{ owner, labels: owner.metadata.labels ?? {}, spec: owner["spec"] as PodSpec }];
    const template = (owner["spec"] as { template?: { metadata?: { labels?: Record<string, string> }; spec?: PodSpec } } | undefined)
      ?.template;
    return template?.spec === undefined ? [] : [{ owner, labels: template.metadata?.labels ?? {}, spec: template.spec }];
  });
}

/** Init containers and containers of a pod. */
export function containersOf({ spec }: Pod): readonly Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}
