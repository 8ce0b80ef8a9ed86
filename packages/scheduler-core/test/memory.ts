import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { digestOf, hostIdOf, pieceCount, PieceSet, piecesOf, type HostId, type Task } from "@darner/domain";
import { DEFAULT_LIMITS, Scheduler, type SchedulerEffect, type SchedulerEvent } from "../src/index.ts";

/** What a scheduler's memory grows by, in bytes. */
export type MemoryFigures = {
  /** A host that holds nothing and wants nothing. */
  readonly perHost: number;
  /** A blob with one proven holder. */
  readonly perTask: number;
  /** One holder more of a blob at rest. */
  readonly perHolder: number;
  /** One host that pulls a blob of `pieces` pieces, half of which it has; divided by the pieces. */
  readonly perPullingHostAndPiece: number;
  /** What is left of everything when all hosts are gone; in all. */
  readonly left: number;
};

const GIB = 1024 ** 3;

/** Bytes in use after everything that nobody holds is gone. */
function bytesInUse(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let round = 0; round < 3; round++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const hostNumbered = (number: number): HostId => hostIdOf(`12D3KooW${String(number).padStart(44, "z")}`);
const taskNumbered = (number: number, size: number): Task => ({
  digest: digestOf(`sha256:${number.toString(16).padStart(64, "0")}`),
  size,
});

/** Fills a scheduler with so many hosts and looks at what that costs. Memory, other than time, is nearly the same in each run. */
export function measureMemory(hosts: number): MemoryFigures {
  const core = new Scheduler(DEFAULT_LIMITS, () => 0.5);
  const tell = (event: SchedulerEvent, now = 0): SchedulerEffect[] => core.handle(event, now);
  const announce = (host: number, task: Task): void => {
    const have = PieceSet.full(pieceCount(task.size));
    tell({ type: "blob-announced", host: hostNumbered(host), task, have, proven: true, registry: "registry.example" });
  };
  const start = bytesInUse();
  for (let host = 0; host < hosts; host++) {
    const id = hostNumbered(host);
    tell({ type: "host-joined", host: id, address: `10.0.0.1:${String(host)}`, zone: "eu-1/rack-7", seed: false });
  }
  const joined = bytesInUse();
  for (let task = 0; task < hosts; task++) announce(task, taskNumbered(task, 64 * 1024 ** 2));
  const held = bytesInUse();
  const HOLDERS = 16;
  for (let task = 0; task < hosts / HOLDERS; task++)
    for (let more = 1; more <= HOLDERS; more++) announce((task + more) % hosts, taskNumbered(task, 64 * 1024 ** 2));
  const shared = bytesInUse();
  const task = taskNumbered(hosts, GIB);
  pullHalf(tell, hosts, task);
  const pulling = bytesInUse();
  for (let host = 0; host < hosts; host++) tell({ type: "host-lost", host: hostNumbered(host) });
  const left = bytesInUse() - start;
  // It is still needed here: else it would be gone before it is measured.
  if (core.hosts().length > 0) throw new Error("hosts are left");
  return {
    perHost: (joined - start) / hosts,
    perTask: (held - joined) / hosts,
    perHolder: (shared - held) / (Math.ceil(hosts / HOLDERS) * HOLDERS),
    perPullingHostAndPiece: (pulling - shared) / (hosts * pieceCount(GIB)),
    left,
  };
}

/** All hosts want the blob; each reports what it is granted, as far as its parents have it, until half of all pieces are there. */
function pullHalf(tell: (event: SchedulerEvent, now: number) => SchedulerEffect[], hosts: number, task: Task): void {
  const pieces = pieceCount(task.size);
  const owed = new Map<HostId, Map<number, HostId | undefined>>();
  const have = new Map<HostId, PieceSet>();
  const take = (effects: readonly SchedulerEffect[]): void => {
    for (const effect of effects) {
      if (effect.type !== "grant-pieces" && effect.type !== "grant-stripe") continue;
      const parent = effect.type === "grant-pieces" ? effect.parent : undefined;
      for (const piece of piecesOf(effect.run)) owed.get(effect.host)?.set(piece, parent);
    }
  };
  for (let host = 0; host < hosts; host++) {
    const id = hostNumbered(host);
    owed.set(id, new Map());
    have.set(id, new PieceSet(pieces));
    const opened = { registry: "registry.example", access: "caller", sequential: false, priority: "reader" } as const;
    take(tell({ type: "peer-opened", host: id, task, ...opened, have: new PieceSet(pieces) }, 0));
  }
  let verified = 0;
  for (let now = 50; verified < (hosts * pieces) / 2 && now < 60_000; now += 50) {
    take(tell({ type: "time-passed" }, now));
    for (const [id, pending] of owed) {
      const landed = [...pending].filter(([piece, parent]) => parent === undefined || have.get(parent)?.has(piece) === true).slice(0, 16);
      if (landed.length === 0) continue;
      for (const [piece] of landed) {
        pending.delete(piece);
        have.get(id)?.add(piece);
      }
      verified += landed.length;
      const runs = landed.map(([piece]) => ({ first: piece, stride: 1, count: 1 }));
      const hashes = landed.flatMap(([piece, parent]) =>
        parent === undefined ? [{ piece, hash: new Uint8Array(32).fill(piece % 251) }] : [],
      );
      take(tell({ type: "pieces-verified", host: id, task, pieces: runs, hashes }, now));
    }
  }
  if (verified < (hosts * pieces) / 2) throw new Error(`only ${String(verified)} pieces came`);
}
