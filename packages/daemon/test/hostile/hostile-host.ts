import { piecesOf, PieceSet, runsOf, type Task } from "@darner/domain";
import type { Holding, HostReport, SchedulerOrder } from "@darner/protocol";
import { openLog, systemClock, VERSION } from "@darner/runtime";
import { openIdentity, type Identity } from "../../src/identity/identity.ts";
import { openGate } from "../../src/membership/member-gate.ts";
import { openPieceServer } from "../../src/piece-channel/piece-server.ts";
import { GrpcSchedulerLink } from "../../src/scheduler-link/grpc-scheduler-link.ts";
import { openLyingFrames } from "./lying-frames.ts";
import { LyingBlob } from "./lying-blob.ts";
import type { HostilePlan, Lie } from "./hostile-plan.ts";

// A host with a key, a session and a piece channel as good as any other's, and one lie. It ends when it is killed.
const FRAME_LIES: readonly Lie[] = ["endless-waiting", "unasked", "endless-piece", "too-long"];
const SLOW_BYTES_PER_SECOND = 2000;

class HostileHost {
  readonly #plan: HostilePlan;
  readonly #blob: LyingBlob;
  readonly #have: PieceSet;
  #link: GrpcSchedulerLink | undefined;

  constructor(plan: HostilePlan, blob: LyingBlob) {
    this.#plan = plan;
    this.#blob = blob;
    this.#have = plan.asPeer ? new PieceSet(blob.pieces) : PieceSet.full(blob.pieces);
  }

  join(identity: Identity, address: string): void {
    const hello = { host: identity.host, address, zone: "", seed: false, version: VERSION, name: `hostile-${this.#plan.lie}` };
    const log = openLog({ level: "info", name: "hostile", destination: process.stderr });
    this.#link = new GrpcSchedulerLink(
      { schedulers: [this.#plan.scheduler], hello },
      {
        listener: {
          holdings: () => this.#holdings(),
          holdingOf: () => undefined,
          onFound: () => {
            this.#found();
          },
          onLost: () => undefined,
          onOrder: (task, order) => {
            this.#ordered(task, order);
          },
        },
        facts: { learn: () => undefined, found: () => [] },
        warming: { onWarm: () => undefined, onReleased: () => undefined, onLost: () => undefined },
        timers: systemClock,
        random: Math.random,
        log,
      },
    );
    this.#link.start();
  }

  #holdings(): readonly Holding[] {
    const { registry, lie, asPeer } = this.#plan;
    return asPeer ? [] : [{ task: this.#blob.task, registry, proven: lie === "false-proof", have: this.#have.clone() }];
  }

  #found(): void {
    const { registry, asPeer } = this.#plan;
    setImmediate(() => {
      if (asPeer) this.#tell({ type: "open", registry, access: "own", sequential: false, priority: "reader", have: this.#have.clone() });
      console.log(JSON.stringify({ message: "hostile ready" }));
    });
  }

  #ordered(task: Task, order: SchedulerOrder): void {
    if (task.digest !== this.#blob.task.digest) return;
    if (order.type !== "table") console.log(JSON.stringify({ message: "order", ...order }));
    if (order.type === "ask-table") this.#tell({ type: "table", hashes: [...this.#have].map((piece) => this.#blob.line(piece)) });
    if (order.type === "grant-stripe" || order.type === "grant-pieces") this.#verify(piecesOf(order.run), order.type === "grant-stripe");
  }

  #verify(pieces: readonly number[], isRead: boolean): void {
    for (const piece of pieces) this.#have.add(piece);
    this.#tell({ type: "verified", pieces: runsOf(pieces), hashes: isRead ? pieces.map((piece) => this.#blob.line(piece)) : [] });
    if (!this.#have.isFull) return;
    if (this.#plan.lie === "false-alarm") this.#tell({ type: "proof-failed" });
  }

  #tell(report: HostReport): void {
    this.#link?.report(this.#blob.task, report);
  }
}

async function openChannel(plan: HostilePlan, blob: LyingBlob, identity: Identity): Promise<string> {
  if (FRAME_LIES.includes(plan.lie)) return (await openLyingFrames(plan, blob, identity)).address;
  const slow = {
    tryTake: () => false,
    take: (bytes: number) => new Promise<void>((resolve) => setTimeout(resolve, (bytes / SLOW_BYTES_PER_SECOND) * 1000)),
  };
  const server = await openPieceServer(
    { listen: "127.0.0.1:0", encryption: "tls" },
    {
      identity,
      store: blob.asStore(),
      lend: () => undefined,
      gate: openGate,
      ...(plan.lie === "slow" ? { uploadLimit: slow } : {}),
      log: openLog({ level: "info", name: "hostile", destination: process.stderr }),
      observe: () => undefined,
    },
  );
  return server.address;
}

const plan = JSON.parse(process.env["HOSTILE_PLAN"] ?? "{}") as HostilePlan;
const blob = new LyingBlob(plan);
const identity = await openIdentity(plan.dir);
new HostileHost(plan, blob).join(identity, await openChannel(plan, blob, identity));
console.log(JSON.stringify({ message: "hostile host", host: identity.host }));
