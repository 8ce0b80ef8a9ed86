import { digestOf, hostIdOf, pieceCount, PieceSet, piecesOf, runsOf, type HostId, type Task } from "@darner/domain";
import { DEFAULT_LIMITS, Scheduler, type SchedulerEffect, type SchedulerEvent } from "@darner/scheduler-core";

/**
 * How many pieces the scheduler grants in a second of CPU time, and how many messages that takes: N hosts pull one cold blob
 * of 1 GiB at once. Hosts take turns; in its turn a host gets what its parents can send, at most REPORT_PIECES, and reports it.
 *
 *     node --conditions=source packages/scheduler-core/bench/grant.bench.ts [hosts …]
 */
const SIZE = 1024 ** 3;
// What a peer reports at once (peer-core: reportPieces).
const REPORT_PIECES = 16;
// A run that has not ended by then is measured as far as it came.
const MAX_MS = 10_000;
const ROUND_MS = 50;

type Player = {
  readonly id: HostId;
  readonly have: PieceSet;
  readonly owed: Map<number, HostId | undefined>;
  readonly grants: Map<number, number[]>;
};

class Game {
  readonly #task: Task = { digest: digestOf(`sha256:${"a".repeat(64)}`), size: SIZE };
  readonly #players = new Map<HostId, Player>();
  readonly #core: Scheduler;
  #now = 0;
  granted = 0;
  messages = 0;
  verified = 0;
  coreMs = 0;

  constructor(hosts: number) {
    let state = 1;
    this.#core = new Scheduler(DEFAULT_LIMITS, () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647);
    const pieces = pieceCount(SIZE);
    for (let number = 0; number < hosts; number++) {
      const id = hostIdOf(`host-${String(number)}`);
      this.#players.set(id, { id, have: new PieceSet(pieces), owed: new Map(), grants: new Map() });
    }
  }

  play(): void {
    for (const { id } of this.#players.values()) this.#tell({ type: "host-joined", host: id, address: id, zone: "", seed: false });
    for (const { id, have } of this.#players.values()) {
      const opened = {
        host: id,
        task: this.#task,
        registry: "registry.example",
        access: "caller",
        sequential: false,
        priority: "reader",
      } as const;
      this.#tell({ type: "peer-opened", ...opened, have: have.clone() });
    }
    for (let moved = true; moved && this.coreMs < MAX_MS;) {
      moved = false;
      this.#now += ROUND_MS;
      const due = this.#core.nextDeadline();
      if (due !== undefined && due <= this.#now) this.#tell({ type: "time-passed" });
      for (const player of this.#players.values()) {
        if (this.coreMs >= MAX_MS) return;
        moved = this.#take(player) || moved;
      }
    }
  }

  #take(player: Player): boolean {
    const pieces: number[] = [];
    const read: number[] = [];
    for (const [piece, parent] of player.owed) {
      if (pieces.length >= REPORT_PIECES) break;
      if (parent !== undefined && this.#players.get(parent)?.have.has(piece) !== true) continue;
      pieces.push(piece);
      if (parent === undefined) read.push(piece);
    }
    if (pieces.length === 0) return false;
    for (const piece of pieces) {
      player.owed.delete(piece);
      player.have.add(piece);
    }
    this.verified += pieces.length;
    const hashes = read.map((piece) => ({ piece, hash: new Uint8Array(32).fill(piece % 251) }));
    const runs = runsOf(pieces.sort((left, right) => left - right));
    this.#tell({ type: "pieces-verified", host: player.id, task: this.#task, pieces: runs, hashes });
    return true;
  }

  #tell(event: SchedulerEvent): void {
    const began = process.cpuUsage();
    const effects = this.#core.handle(event, this.#now);
    const { user, system } = process.cpuUsage(began);
    this.coreMs += (user + system) / 1000;
    this.messages += 1 + new Set(effects.map(({ host }) => host)).size;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: SchedulerEffect): void {
    const player = this.#players.get(effect.host);
    if (player === undefined) return;
    if (effect.type === "grant-pieces" || effect.type === "grant-stripe") {
      const pieces = piecesOf(effect.run);
      this.granted += pieces.length;
      player.grants.set(effect.grant, pieces);
      for (const piece of pieces)
        if (!player.have.has(piece)) player.owed.set(piece, effect.type === "grant-pieces" ? effect.parent : undefined);
    } else if (effect.type === "revoke-grant") {
      for (const piece of player.grants.get(effect.grant) ?? []) player.owed.delete(piece);
    }
  }
}

const asked = process.argv.slice(2).map(Number);
for (const hosts of asked.length > 0 ? asked : [8, 200, 2000]) {
  const game = new Game(hosts);
  game.play();
  const perSecond = Math.round((game.granted * 1000) / game.coreMs);
  const done = ((100 * game.verified) / (hosts * pieceCount(SIZE))).toFixed(0);
  const perPiece = (game.messages / game.verified).toFixed(3);
  console.log(
    `${String(hosts)} hosts: ${String(perSecond)} pieces granted/s, ${perPiece} messages a piece (${done} % of the pull, ${game.coreMs.toFixed(0)} ms)`,
  );
}
