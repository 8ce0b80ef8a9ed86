import {
  digestOf,
  hostIdOf,
  pieceCount,
  PieceSet,
  piecesOf,
  runsOf,
  type HostId,
  type PieceHash,
  type PieceRun,
  type SourceAccess,
  type Task,
} from "@darner/domain";
import type { SchedulerEffect } from "../src/effect.ts";
import type { GrantFailure, SchedulerEvent } from "../src/event.ts";
import { DEFAULT_LIMITS, type SchedulerLimits } from "../src/limits.ts";
import { Scheduler } from "../src/scheduler.ts";

const MIB = 1024 * 1024;

/** A grant as a test looks at it: `from` is the parent, or "source". */
export type SeenGrant = { readonly grant: number; readonly host: string; readonly from: string; readonly pieces: readonly number[] };

type Opening = {
  readonly registry?: string;
  readonly access?: SourceAccess;
  readonly sequential?: boolean;
  readonly preheat?: boolean;
  readonly have?: readonly number[];
  readonly task?: Task;
  /** What it reads from its source already. */
  readonly reading?: readonly PieceRun[];
};

/** Plays hosts `a`, `b`, … by hand against a real scheduler and remembers what it said. */
export class Script {
  readonly scheduler: Scheduler;
  now = 1_000_000;
  readonly task: Task;
  /** Everything said so far. */
  readonly said: SchedulerEffect[] = [];

  constructor(pieces: number, limits: Partial<SchedulerLimits> = {}) {
    this.task = taskOf(pieces);
    this.scheduler = new Scheduler({ ...DEFAULT_LIMITS, ...limits }, () => 0.5);
  }

  tell(event: SchedulerEvent): SchedulerEffect[] {
    const effects = this.scheduler.handle(event, this.now);
    this.scheduler.checkInvariants();
    this.said.push(...effects);
    return effects;
  }

  join(...names: string[]): void {
    this.joinIn("", ...names);
  }

  joinIn(zone: string, ...names: string[]): void {
    for (const name of names) this.tell({ type: "host-joined", host: host(name), address: `${name}:4102`, zone, seed: false });
  }

  /** The host joins and wants the blob. */
  open(
    name: string,
    {
      registry = "one.example",
      access = "caller",
      sequential = false,
      preheat = false,
      have = [],
      task = this.task,
      reading,
    }: Opening = {},
  ): SchedulerEffect[] {
    if (!this.scheduler.hosts().some((each) => each.host === host(name))) this.join(name);
    const priority = preheat ? "preheat" : "reader";
    const opened = {
      type: "peer-opened",
      host: host(name),
      task,
      registry,
      access,
      sequential,
      priority,
      have: setOf(task, have),
    } as const;
    return this.tell(reading === undefined ? opened : { ...opened, reading });
  }

  /** The host joins and holds these pieces, or all, proven. */
  hold(name: string, have?: readonly number[], registry = "one.example"): SchedulerEffect[] {
    if (!this.scheduler.hosts().some((each) => each.host === host(name))) this.join(name);
    const set = have === undefined ? PieceSet.full(pieceCount(this.task.size)) : setOf(this.task, have);
    return this.tell({ type: "blob-announced", host: host(name), task: this.task, have: set, proven: have === undefined, registry });
  }

  /** The host verified pieces that came from others. */
  got(name: string, pieces: readonly number[]): SchedulerEffect[] {
    return this.tell({ type: "pieces-verified", host: host(name), task: this.task, pieces: runsOf(pieces), hashes: [] });
  }

  /** The host read pieces from the source. */
  read(name: string, pieces: readonly number[], kind = 0): SchedulerEffect[] {
    return this.tell({ type: "pieces-verified", host: host(name), task: this.task, pieces: runsOf(pieces), hashes: linesOf(pieces, kind) });
  }

  /** The same for another blob. */
  readOf(task: Task, name: string, pieces: readonly number[], kind = 0): SchedulerEffect[] {
    return this.tell({ type: "pieces-verified", host: host(name), task, pieces: runsOf(pieces), hashes: linesOf(pieces, kind) });
  }

  /** Another blob of the same size. */
  anotherTask(letter: string): Task {
    return { ...taskOf(1, letter), size: this.task.size };
  }

  fail(name: string, grant: number, failure: GrantFailure): SchedulerEffect[] {
    return this.tell({ type: "grant-failed", host: host(name), task: this.task, grant, failure });
  }

  need(name: string, first: number, count = 1): SchedulerEffect[] {
    return this.tell({ type: "pieces-needed", host: host(name), task: this.task, run: { first, stride: 1, count } });
  }

  lose(name: string): SchedulerEffect[] {
    return this.tell({ type: "host-lost", host: host(name) });
  }

  /** Lets time pass to the deadlines within the next `ms`. */
  wait(ms: number): SchedulerEffect[] {
    const end = this.now + ms;
    const effects: SchedulerEffect[] = [];
    for (let due = this.scheduler.nextDeadline(); due !== undefined && due <= end; due = this.scheduler.nextDeadline()) {
      this.now = Math.max(this.now, due);
      effects.push(...this.tell({ type: "time-passed" }));
    }
    this.now = end;
    return effects;
  }

  /** The grants among effects, or among everything said. */
  grants(effects: readonly SchedulerEffect[] = this.said): SeenGrant[] {
    return effects.flatMap((effect): SeenGrant[] => {
      if (effect.type !== "grant-pieces" && effect.type !== "grant-stripe") return [];
      return [
        {
          grant: effect.grant,
          host: effect.host,
          from: effect.type === "grant-stripe" ? "source" : effect.parent,
          pieces: piecesOf(effect.run),
        },
      ];
    });
  }

  stripes(effects: readonly SchedulerEffect[] = this.said): SeenGrant[] {
    return this.grants(effects).filter(({ from }) => from === "source");
  }

  /** The last standing a host was told. */
  standing(name: string): string | undefined {
    return this.said.findLast((effect) => effect.type === "tell-standing" && effect.host === host(name))?.["standing" as never];
  }
}

export function host(name: string): HostId {
  return hostIdOf(name);
}

/** A task of so many pieces of 256 KiB (up to 256), told apart by `letter`. */
export function taskOf(pieces: number, letter = "a"): Task {
  return { digest: digestOf(`sha256:${letter.repeat(64)}`), size: (pieces * MIB) / 4 };
}

export function linesOf(pieces: readonly number[], kind = 0): PieceHash[] {
  return pieces.map((piece) => ({ piece, hash: new Uint8Array(32).fill(piece + 100 * kind) }));
}

/** `count` numbers from `first` on. */
export function from(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

/** Effects of one type. */
export function only<Type extends SchedulerEffect["type"]>(
  effects: readonly SchedulerEffect[],
  type: Type,
): Extract<SchedulerEffect, { type: Type }>[] {
  return effects.filter((effect): effect is Extract<SchedulerEffect, { type: Type }> => effect.type === type);
}

function setOf(task: Task, pieces: readonly number[]): PieceSet {
  const set = new PieceSet(pieceCount(task.size));
  for (const piece of pieces) set.add(piece);
  return set;
}
