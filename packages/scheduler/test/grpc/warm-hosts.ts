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
const daemons = Array.from({ length: hosts }, (_, number) => {
  const daemon = new ScriptedDaemon(address);
  const name = `node-${String(number).padStart(4, "0")}.cluster.internal`;
  let isWelcome = false;
  daemon.onMessage = ({ welcome, warm = [] }) => {
    isWelcome ||= welcome !== undefined;
    const digests = warm.flatMap(({ contents }) => contents.map(({ task }) => task.digest));
    if (digests.length === 0) return;
    const report = (digest: WarmReport["digest"]): WarmReport =>
      number < full ? { digest, state: "failed", reason: "the disk is full", final: true } : { digest, state: "held" };
    daemon.say({ warmed: digests.map(report) });
  };
  const ip = `10.0.${String(number >> 8)}.${String(number & 255)}`;
  const platform = `linux/${process.arch === "x64" ? "amd64" : process.arch}`;
  daemon.say({ hello: { ...helloOf("a", `${ip}:4102`), host: hostNumbered(number), name, platform } });
  return { daemon, isWelcome: () => isWelcome };
});
const looking = setInterval(() => {
  const ended = daemons.find(({ daemon }) => daemon.ended !== undefined)?.daemon.ended;
  if (ended !== undefined) throw new Error(`a session ended: ${ended.status} ${ended.details}`);
  if (!daemons.every(({ isWelcome }) => isWelcome())) return;
  clearInterval(looking);
  process.send?.("ready");
}, LOOK_MS);
process.once("disconnect", () => {
  for (const { daemon } of daemons) daemon[Symbol.dispose]();
});
