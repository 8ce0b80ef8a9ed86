import { hostIdOf, type HostId } from "@darner/domain";
import type { WarmReport } from "@darner/protocol";
import { helloOf, ScriptedDaemon } from "./scripted-daemon.ts";

/** What the process does; its first argument, as JSON. */
export type WarmHostsPlan = {
  readonly address: string;
  readonly hosts: number;
  /** So many of them have a full disk. */
  readonly full: number;
};

// Scripted hosts in one process, over real gRPC: each says of everything that it is to hold that it has it, or that its disk is full.
// Says "ready" to its parent when all were welcomed, and ends when the parent does.
const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const LOOK_MS = 50;

function hostNumbered(number: number): HostId {
  let text = "";
  for (let rest = number + 1; rest > 0; rest = Math.floor(rest / 58)) text += BASE58[rest % 58] ?? "1";
  return hostIdOf(`12D3KooW${text.padEnd(44, "z")}`);
}

const { address, hosts, full } = JSON.parse(process.argv[2] ?? "") as WarmHostsPlan;

type WarmHost = { readonly daemon: ScriptedDaemon; isWelcome: boolean };

function open(number: number): WarmHost {
  const host: WarmHost = { daemon: new ScriptedDaemon(address), isWelcome: false };
  const name = `node-${String(number).padStart(4, "0")}.cluster.internal`;
  host.daemon.onMessage = ({ welcome, warm = [] }) => {
    host.isWelcome ||= welcome !== undefined;
    const digests = warm.flatMap(({ contents }) => contents.map(({ task }) => task.digest));
    if (digests.length === 0) return;
    const report = (digest: WarmReport["digest"]): WarmReport =>
      number < full ? { digest, state: "failed", reason: "the disk is full", final: true } : { digest, state: "held" };
    host.daemon.say({ warmed: digests.map(report) });
  };
  const ip = `10.0.${String(number >> 8)}.${String(number & 255)}`;
  const platform = `linux/${process.arch === "x64" ? "amd64" : process.arch}`;
  host.daemon.say({ hello: { ...helloOf("a", `${ip}:4102`), host: hostNumbered(number), name, platform } });
  return host;
}

const all = Array.from({ length: hosts }, (_, number) => open(number));
let isReady = false;
// As daemons do, a host whose session was dropped comes back: on a machine with much else to do a thousand of them are not all heard in time.
const looking = setInterval(() => {
  for (const [number, { daemon }] of all.entries()) {
    if (daemon.ended === undefined) continue;
    daemon[Symbol.dispose]();
    all[number] = open(number);
  }
  if (isReady || !all.every(({ isWelcome }) => isWelcome)) return;
  isReady = true;
  process.send?.("ready");
}, LOOK_MS);
process.once("disconnect", () => {
  clearInterval(looking);
  for (const { daemon } of all) daemon[Symbol.dispose]();
});
