import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { containersOf, podsOf, type Container, type Pod } from "./harness/pods.ts";
import { nameOf, objects, PROFILES, profileArgs, type Json, type KubeObject } from "./harness/render.ts";

/** What may be root or have a capability, and why; everything else may not. */
const ROOTS: Readonly<Record<string, readonly string[]>> = {
  // Gives the directory on the node to the daemon's user.
  "darner-daemon node-init": ["CHOWN", "DAC_READ_SEARCH"],
  // Writes the runtime's files, which are root's.
  "darner-daemon node-setup": [],
  // Removes what is the daemon's user's.
  "darner-cleanup clear-cache": ["DAC_OVERRIDE"],
  "darner-cleanup node-setup": [],
  "darner-cleanup clear-state": ["DAC_OVERRIDE"],
};

/** The Pod Security level that each pod needs at most. */
const PRIVILEGED = ["DaemonSet darner-daemon", "DaemonSet darner-cleanup"];

/** Each violation as `pod container: what`. */
function violations(all: readonly KubeObject[], check: (container: Container, pod: Pod) => string | undefined): string[] {
  return podsOf(all).flatMap((pod) =>
    containersOf(pod).flatMap((container) => {
      const problem = check(container, pod);
      return problem === undefined ? [] : [`${nameOf(pod.owner)} ${container.name}: ${problem}`];
    }),
  );
}

const isRoot = (container: Container, pod: Pod): boolean => ROOTS[`${pod.owner.metadata.name} ${container.name}`] !== undefined;

for (const profile of PROFILES) {
  suite(`the pods of ${profile}`, () => {
    const all = (): Promise<readonly KubeObject[]> => objects(...profileArgs(profile));

    test("have an image of one version, from one place", async () => {
      assert.deepEqual(
        violations(await all(), ({ image }) =>
          /^[a-z0-9.-]+(\/[a-z0-9-]+)+(:[0-9][\w.-]*|@sha256:[0-9a-f]{64})$/.test(image) ? undefined : image,
        ),
        [],
      );
    });

    test("say what they need, and how much memory they may have", async () => {
      assert.deepEqual(
        violations(await all(), ({ resources }) => {
          const { cpu, memory } = resources?.requests ?? {};
          return cpu !== undefined && memory !== undefined && resources?.limits?.["memory"] !== undefined
            ? undefined
            : JSON.stringify(resources);
        }),
        [],
      );
    });

    test("cannot write their root file system, gain privileges, or do more than any user, but for those named here", async () => {
      assert.deepEqual(
        violations(await all(), (container, pod) => {
          const { readOnlyRootFilesystem, allowPrivilegeEscalation, privileged, capabilities } = container.securityContext ?? {};
          const added = ROOTS[`${pod.owner.metadata.name} ${container.name}`] ?? [];
          if (readOnlyRootFilesystem !== true) return "root file system";
          if (allowPrivilegeEscalation !== false || privileged !== undefined) return "privileges";
          if (JSON.stringify(capabilities?.drop) !== '["ALL"]') return "keeps capabilities";
          return JSON.stringify(capabilities?.add ?? []) === JSON.stringify(added) ? undefined : JSON.stringify(capabilities);
        }),
        [],
      );
    });

    test("are not root, but for those named here", async () => {
      assert.deepEqual(
        violations(await all(), (container, pod) => {
          const user = container.securityContext?.["runAsUser"] ?? pod.spec.securityContext?.["runAsUser"];
          const non = container.securityContext?.["runAsNonRoot"] ?? pod.spec.securityContext?.["runAsNonRoot"];
          if (isRoot(container, pod)) return user === 0 ? undefined : `user ${String(user)}`;
          return typeof user === "number" && user > 0 && non === true ? undefined : `user ${String(user)}`;
        }),
        [],
      );
    });

    test("keep the kernel's default filter of system calls, and see no other process of the node", async () => {
      for (const { owner, spec } of podsOf(await all())) {
        assert.deepEqual(spec.securityContext?.["seccompProfile"], { type: "RuntimeDefault" }, nameOf(owner));
        for (const key of ["hostPID", "hostIPC", "shareProcessNamespace"]) assert.equal(spec[key], undefined, nameOf(owner));
      }
    });
  });

  suite(`what the pods of ${profile} see`, () => {
    const all = (): Promise<readonly KubeObject[]> => objects(...profileArgs(profile));

    test("need the Pod Security level that the documents say", async () => {
      for (const { owner, spec } of podsOf(await all())) {
        const needs = spec.hostNetwork === true || (spec.volumes ?? []).some(({ hostPath }) => hostPath !== undefined);
        assert.equal(needs, PRIVILEGED.includes(nameOf(owner)), nameOf(owner));
      }
    });

    test("have no token for the API server where they do not ask it, and none of the variables of services", async () => {
      for (const { owner, spec } of podsOf(await all())) {
        const asks = ["darner-scheduler", "darner-prepull", "darner-cleanup"].includes(owner.metadata.name) && owner.kind !== "DaemonSet";
        assert.equal(spec["automountServiceAccountToken"], asks, nameOf(owner));
        assert.equal(spec["enableServiceLinks"], false, nameOf(owner));
      }
    });

    test("mount only volumes that are there, and every volume is mounted", async () => {
      for (const pod of podsOf(await all())) {
        const claims = ((pod.owner["spec"] as Json)["volumeClaimTemplates"] ?? []) as readonly KubeObject[];
        const has = [...(pod.spec.volumes ?? []).map(({ name }) => name), ...claims.map(({ metadata }) => metadata.name)];
        const mounts = containersOf(pod).flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name));
        assert.deepEqual([...new Set(mounts)].sort(), has.sort(), nameOf(pod.owner));
      }
    });

    test("are chosen by what never changes, and carry the labels they are chosen by", async () => {
      for (const { owner, labels } of podsOf(await all())) {
        const selector = (owner["spec"] as { selector?: { matchLabels?: Record<string, string> } }).selector?.matchLabels;
        if (selector === undefined) continue;
        assert.deepEqual(Object.keys(selector).sort(), [
          "app.kubernetes.io/component",
          "app.kubernetes.io/instance",
          "app.kubernetes.io/name",
        ]);
        for (const [key, value] of Object.entries(selector)) assert.equal(labels[key], value, nameOf(owner));
      }
    });
  });
}

suite("the objects of everything at once", () => {
  const all = (): Promise<readonly KubeObject[]> => objects(...profileArgs("full"));

  test("carry the common labels, and say whose they are", async () => {
    for (const object of await all()) {
      if (object.metadata.name === "harbor-ca") continue;
      const labels = object.metadata.labels ?? {};
      for (const [key, value] of Object.entries({
        team: "platform",
        "app.kubernetes.io/part-of": "darner",
        "app.kubernetes.io/managed-by": "Helm",
      })) {
        assert.equal(labels[key], value, nameOf(object));
      }
      assert.match(labels["helm.sh/chart"] ?? "", /^darner-\d+\.\d+\.\d+$/);
    }
  });

  test("take the image by its digest, which goes before a tag", async () => {
    const digest = `sha256:${"ab".repeat(32)}`;
    const pods = podsOf(await objects("--set", `image.digest=${digest},image.tag=9.9.9,image.registry=mirror.corp`));
    for (const pod of pods) for (const { image } of containersOf(pod)) assert.equal(image, `mirror.corp/darner/darner@${digest}`);
  });

  test("let through policies exactly the ports that the containers have", async () => {
    const everything = await all();
    const policies = everything.filter(({ kind }) => kind === "NetworkPolicy");
    assert.equal(policies.length, 2);
    for (const policy of policies) {
      const spec = policy["spec"] as {
        podSelector: { matchLabels: Record<string, string> };
        ingress: readonly { ports: readonly { port: number }[] }[];
      };
      const pod = podsOf(everything).find(
        ({ labels, owner }) => owner.kind === "StatefulSet" && covers(labels, spec.podSelector.matchLabels),
      );
      assert.ok(pod);
      const open = containersOf(pod).flatMap(({ ports = [] }) => ports.map(({ containerPort }) => containerPort));
      assert.deepEqual(spec.ingress.flatMap(({ ports }) => ports.map(({ port }) => port)).sort(), open.sort());
    }
  });
});

suite("secrets and roles", () => {
  const all = (): Promise<readonly KubeObject[]> => objects(...profileArgs("full"));

  test("keep no secret in a config map or a variable, and make none", async () => {
    for (const object of await all()) {
      if (object.kind === "Secret") assert.ok(!("data" in object) && !("stringData" in object), nameOf(object));
      if (object.kind === "ConfigMap")
        assert.doesNotMatch(JSON.stringify(object["data"] ?? {}), /password|secretKey|PRIVATE KEY|DARNER-1-/i, nameOf(object));
    }
    for (const pod of podsOf(await all())) {
      for (const { env = [] } of containersOf(pod)) assert.doesNotMatch(JSON.stringify(env), /secretKeyRef/, nameOf(pod.owner));
    }
  });

  test("let the scheduler write one secret and one config map by name, and nobody else any", async () => {
    const rules = (objects: readonly KubeObject[]): readonly (readonly [string, Json])[] =>
      objects
        .filter(({ kind }) => kind === "Role" || kind === "ClusterRole")
        .flatMap((role) => (role["rules"] as readonly Json[]).map((rule) => [nameOf(role), rule] as const));
    const everywhere = (await Promise.all(PROFILES.map((profile) => objects(...profileArgs(profile))))).flatMap(rules);
    for (const [role, rule] of everywhere) {
      const [resources, verbs] = [rule["resources"] as readonly string[], rule["verbs"] as readonly string[]];
      assert.ok(!verbs.includes("*") && !resources.includes("*") && !verbs.includes("list") && !verbs.includes("watch"), role);
      if (resources.includes("secrets") || resources.includes("configmaps")) {
        assert.equal(role, "Role darner-scheduler");
        assert.deepEqual(rule["resourceNames"], resources.includes("secrets") ? ["darner-keys"] : ["darner-cluster"]);
        assert.deepEqual(verbs, ["get", "patch"]);
      }
      if (resources.includes("events")) assert.deepEqual([resources, verbs], [["events"], ["create"]], role);
      if (resources.includes("nodes"))
        assert.ok(
          verbs.every((verb) => verb === "get" || verb === "patch"),
          role,
        );
    }
    assert.ok(!everywhere.some(([role, rule]) => role === "Role darner-scheduler" && rule["verbs"] === undefined));
    const ownKeys = rules(await objects(...profileArgs("own-keys")));
    assert.ok(!ownKeys.some(([, rule]) => (rule["resources"] as readonly string[]).includes("secrets")));
  });
});

test("on OpenShift the pods of nodes, and those that clean up after them, may be what they are; all others are no root", async () => {
  const bindings = (await objects(...profileArgs("openshift"))).filter(({ kind }) => kind === "RoleBinding");
  const subjects = (role: string): readonly string[] =>
    bindings
      .filter(({ roleRef }) => (roleRef as Json)["name"] === `system:openshift:scc:${role}`)
      .flatMap((binding) => (binding["subjects"] as readonly Json[]).map(({ name }) => String(name)))
      .sort();
  assert.deepEqual(subjects("privileged"), ["darner-cleanup", "darner-daemon"]);
  assert.deepEqual(subjects("nonroot-v2"), ["system:serviceaccounts:darner-system"]);
  const elsewhere = await objects();
  assert.ok(!elsewhere.some((object) => JSON.stringify(object).includes("openshift")));
});

suite("the pod of a node", () => {
  const pod = async (profile: string): Promise<Pod> => {
    const found = podsOf(await objects(...profileArgs(profile))).find(({ owner }) => nameOf(owner) === "DaemonSet darner-daemon");
    assert.ok(found);
    return found;
  };

  test("ends in the right order: node set-up is what ends first, the daemon beside it serves until then", async () => {
    const { spec } = await pod("default");
    assert.deepEqual(
      spec.containers.map(({ name }) => name),
      ["node-setup"],
    );
    assert.deepEqual(
      (spec.initContainers ?? []).map(({ name, restartPolicy }) => [name, restartPolicy]),
      [
        ["node-init", undefined],
        ["daemon", "Always"],
      ],
    );
  });

  test("shows its mirror and its own door to nobody but the node", async () => {
    const config = (await objects()).find((object) => nameOf(object) === "ConfigMap darner-daemon");
    const text = (config?.["data"] as Record<string, string>)["darner.yaml"] ?? "";
    assert.match(text, /mirror: 127\.0\.0\.1:4101/);
    assert.match(text, /admin: 127\.0\.0\.1:4104/);
    const ports = containersOf(await pod("full")).flatMap(({ ports: own = [] }) => own.map(({ hostPort }) => hostPort));
    assert.deepEqual(ports, [4102, 4103, 4105]);
  });

  test("lets the daemon see nothing of the node but its own directory", async () => {
    const { spec } = await pod("full");
    const paths = new Map(
      (spec.volumes ?? []).flatMap(({ name, hostPath }) => (hostPath === undefined ? [] : [[name, hostPath.path] as const])),
    );
    const daemon = (spec.initContainers ?? []).find(({ name }) => name === "daemon");
    assert.deepEqual(
      (daemon?.volumeMounts ?? []).flatMap(({ name }) => paths.get(name) ?? []),
      ["/var/lib/darner/daemon"],
    );
  });

  test("gives the runtime's socket to nobody, and to node set-up alone where a probe is asked for", async () => {
    const sockets = async (...args: readonly string[]): Promise<readonly string[]> => seeingRun(podsOf(await objects(...args)));
    assert.deepEqual(await sockets(), []);
    assert.deepEqual(await sockets("--set", "nodeSetup.probe=true"), ["darner-daemon node-setup"]);
  });

  test("lets node set-up see the runtime's directories of its distribution, and what it remembers", async () => {
    const seen = async (profile: string): Promise<readonly string[]> => {
      const setup = (await pod(profile)).spec.containers.find(({ name }) => name === "node-setup");
      return (setup?.volumeMounts ?? []).map(({ mountPath }) => mountPath).filter((path) => path.startsWith("/host/"));
    };
    assert.deepEqual(await seen("k3s"), ["/host/var/lib/darner/node-setup", "/host/var/lib/rancher/k3s/agent/etc/containerd"]);
    assert.deepEqual(await seen("talos"), ["/host/var/lib/darner/node-setup", "/host/etc/cri/conf.d"]);
    assert.deepEqual(await seen("k0s"), ["/host/var/lib/darner/node-setup", "/host/etc/containerd", "/host/etc/k0s"]);
    assert.deepEqual(await seen("gke"), []);
  });
});

/** The containers that see a folder of sockets of their node. */
function seeingRun(pods: ReturnType<typeof podsOf>): readonly string[] {
  return pods.flatMap(({ owner, spec }) => {
    const runs = (spec.volumes ?? []).filter(({ hostPath }) => /(^|\/)run(\/|$)/.test(hostPath?.path ?? "")).map(({ name }) => name);
    const all = [...(spec.initContainers ?? []), ...spec.containers];
    const having = all.filter(({ volumeMounts = [] }) => volumeMounts.some(({ name }) => runs.includes(name)));
    return having.map(({ name }) => `${owner.metadata.name} ${name}`);
  });
}

function covers(labels: Readonly<Record<string, string>>, selector: Readonly<Record<string, string>>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}
