import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { findContainerd, NodeFiles, openCri, planRuntime, type ProbeOutcome } from "@darner/node-setup";
import { hintsOf, socketOf, wishOf, type NodeValues } from "../node/node-flags.ts";
import { probeRuntime } from "../node/node-probe.ts";
import { amiss, well, type Finding } from "./finding.ts";

/** What the node is looked at with. */
export type NodeLook = {
  readonly values: NodeValues;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly admin: string;
  readonly signal: AbortSignal;
};

// Mirrors that other systems leave in hosts.toml: their ports on a node.
const FOREIGN: readonly (readonly [RegExp, string])[] = [
  [/(?:127\.0\.0\.1|localhost):(?:4001|65001)\b/, "Dragonfly"],
  [/:(?:30020|30021)\b/, "Spegel"],
  [/(?:127\.0\.0\.1|localhost):30081\b/, "Kraken"],
];
// The kubelet begins to remove images when a disk is 85 % full; whoever keeps blobs has to be below.
const KUBELET_FREE = 0.15;

/** Whether this node's containerd knows the mirror and asks it. */
export async function nodeChecks(look: NodeLook): Promise<Finding[]> {
  const { values } = look;
  const files = new NodeFiles(values.root);
  const layout = await findContainerd(files, await hintsOf(values, files));
  const checks = [
    layout.directory === undefined
      ? amiss(
          "runtime.directory",
          "error",
          `${layout.distribution}: no directory of hosts.toml files`,
          layout.problem ?? "name it with --config-dir",
        )
      : well("runtime.directory", `${layout.distribution}: ${layout.directory}`),
    await versionCheck(look, files),
  ];
  if (layout.directory === undefined) return [...checks, await diskCheck(values)];
  return [
    ...checks,
    ...(await toldChecks(look, files)),
    ...(await foreignChecks(files, layout.directory)),
    await probeCheck(look),
    await diskCheck(values),
  ];
}

async function versionCheck({ values }: NodeLook, files: NodeFiles): Promise<Finding> {
  const id = "runtime.version";
  const socket = await socketOf(values, files);
  if (socket === undefined) return well(id, "not asked: the runtime's socket is not here");
  using cri = openCri(socket);
  const told = await cri.version();
  if (told === undefined)
    return amiss(id, "error", `nobody answers as a runtime at ${socket}`, "name its socket with --socket, and run this as root");
  const [major = 0, minor = 0] = told.version.replace(/^v/, "").split(".").map(Number);
  const text = `${told.name} ${told.version}`;
  if (told.name !== "containerd" || major > 1 || minor >= 5) return well(id, text);
  return amiss(id, "error", text, "hosts.toml is read from containerd 1.5 on: upgrade it; until then the node pulls from the registries");
}

async function toldChecks({ values, env }: NodeLook, files: NodeFiles): Promise<Finding[]> {
  const id = "runtime.told";
  const { changes, problems } = await planRuntime(files, "containerd", wishOf(values, env), await hintsOf(values, files));
  const told = problems.map((problem) => amiss(id, "error", problem, "mend that file, then run darner configure containerd again"));
  if (changes.length === 0) return problems.length > 0 ? told : [well(id, "the mirror is first for every registry")];
  const paths = changes.map(({ path }) => path).join(", ");
  const fix = "start darner node-setup beside the daemon, or run darner configure containerd (--dry-run shows the changes)";
  return [...told, amiss(id, "warning", `the mirror is not in ${paths}`, fix)];
}

async function foreignChecks(files: NodeFiles, directory: string): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const name of await files.names(directory)) {
    const path = join(directory, name, "hosts.toml");
    const text = (await files.text(path)) ?? "";
    for (const [mark, system] of FOREIGN) {
      if (!mark.test(text)) continue;
      const fix = `if ${system} is not installed any more, take its host out of the file: every pull asks it first, in vain`;
      found.push(amiss("runtime.foreign", "warning", `${path} names a mirror that looks like ${system}'s`, fix));
    }
  }
  return found.length > 0 ? found : [well("runtime.foreign", "no other mirror was left behind")];
}

async function probeCheck({ values, admin, signal }: NodeLook): Promise<Finding> {
  const id = "runtime.probe";
  const outcome: ProbeOutcome | undefined = await probeRuntime(values, admin, signal);
  switch (outcome) {
    case "arrived":
      return well(id, "a probe pull came to the mirror");
    case "lost":
      return amiss(
        id,
        "error",
        "a probe pull did not come to the mirror",
        "see that containerd's config_path is the directory above, and restart containerd once if it was set after its start",
      );
    case "unreachable":
      return amiss(
        id,
        "warning",
        "the runtime could not be asked for a probe pull",
        "run this as root on the node, with --socket where it is elsewhere",
      );
    case undefined:
      return well(id, "not made: the runtime's socket is not here");
  }
}

async function diskCheck(values: NodeValues): Promise<Finding> {
  const id = "disk.free";
  const path = new NodeFiles(values.root).here("/var/lib");
  try {
    const { bavail, blocks } = await statfs(path);
    const share = bavail / blocks;
    const text = `${String(Math.round(share * 100))} % of the disk below /var/lib is free`;
    if (share >= KUBELET_FREE) return well(id, text);
    return amiss(id, "warning", text, "the kubelet removes images below 15 %: lower store.maxBytes or raise store.minFreeBytes");
  } catch {
    return well(id, "not looked at: there is no /var/lib");
  }
}
