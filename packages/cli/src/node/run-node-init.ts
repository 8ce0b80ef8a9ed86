import { lchown, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ZONE_LABELS, zoneOfNode } from "@darner/kubernetes";
import { readFlags } from "../arguments.ts";
import { UsageError, type CommandContext, type ExitCode, type Terminal } from "../command.ts";
import { apiServerOf, CLUSTER_OPTIONS, nodeIn } from "./cluster-flags.ts";

type Owner = { readonly uid: number; readonly gid: number };

// Only the daemon reads what it keeps: its key and its admission are in it.
const DIRECTORY_MODE = 0o700;

/** Runs `darner node-init`. */
export async function runNodeInit({ argv, env, terminal }: CommandContext): Promise<ExitCode> {
  const values = readFlags(argv, {
    ...CLUSTER_OPTIONS,
    own: { type: "string" },
    as: { type: "string" },
    "zone-file": { type: "string" },
    "zone-labels": { type: "string" },
  });
  const { own, "zone-file": zoneFile } = values;
  const owner = own === undefined ? undefined : ownerIn(values.as);
  const node = zoneFile === undefined ? "" : nodeIn(values, "--zone-file");
  const api = apiServerOf(values, env);
  if (own !== undefined && owner !== undefined && !(await give(own, owner, terminal))) return 1;
  if (zoneFile === undefined) return 0;
  const labels = values["zone-labels"]?.split(",").map((label) => label.trim()) ?? ZONE_LABELS;
  const zone = await zoneOfNode(api, node, labels).catch((error: unknown) => {
    terminal.err(`darner: the zone of ${node} is not known (${reason(error)}); the daemon starts without one\n`);
    return undefined;
  });
  await writeFile(zoneFile, zone === undefined ? "" : `${zone}\n`);
  if (zone !== undefined) terminal.out(`${node} stands in ${zone}\n`);
  return 0;
}

function ownerIn(text = ""): Owner {
  const [, uid, gid] = /^([0-9]{1,10}):([0-9]{1,10})$/.exec(text) ?? [];
  if (uid === undefined || gid === undefined) throw new UsageError("--own needs --as UID:GID, both numbers");
  return { uid: Number(uid), gid: Number(gid) };
}

/** What a daemon of another user left is given on as a whole; what is this user's already is not looked through. */
async function give(path: string, owner: Owner, terminal: Terminal): Promise<boolean> {
  try {
    await mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
    const { uid, gid } = await stat(path);
    if (uid === owner.uid && gid === owner.gid) return true;
    for (const name of await readdir(path, { recursive: true })) await lchown(join(path, name), owner.uid, owner.gid);
    // Last: it is the sign that everything below is done.
    await lchown(path, owner.uid, owner.gid);
    terminal.out(`${path} belongs to ${String(owner.uid)}:${String(owner.gid)} now\n`);
    return true;
  } catch (error) {
    const next = "the directory must be on a disk of the node that root may write; name another one (daemon.cache.hostPath)";
    terminal.err(`darner: ${path} cannot be given to the daemon (${reason(error)}): ${next}\n`);
    return false;
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
