import { hostIdOf, PieceSet } from "@darner/domain";
import { give } from "../src/books/grant-book.ts";
import type { Group } from "../src/books/group.ts";
import { newPeer, type Member, type Wanting } from "../src/books/member.ts";
import type { Registry } from "../src/books/registry-table.ts";
import { Swarm } from "../src/books/swarm.ts";
import type { SchedulerEffect } from "../src/effect.ts";
import { DEFAULT_LIMITS, type SchedulerLimits } from "../src/limits.ts";
import { newMemory } from "../src/new-memory.ts";
import { Turn, type Memory } from "../src/turn.ts";
import { taskOf } from "./script.ts";

const REGISTRY = "one.example";

/** One swarm laid out by hand, for a rule that is looked at alone: nobody is promised anything but what a test promises. */
export class Room {
  readonly #memory: Memory;
  readonly swarm: Swarm;
  readonly group: Group;
  readonly effects: SchedulerEffect[] = [];
  now = 1_000_000;

  constructor(pieces: number, changed: Partial<SchedulerLimits> = {}) {
    this.#memory = newMemory({ ...DEFAULT_LIMITS, ...changed }, () => 0);
    this.swarm = new Swarm(taskOf(pieces));
    const group = this.swarm.groupFor(REGISTRY, 1);
    if (group === undefined) throw new Error("no group");
    this.group = group;
  }

  get turn(): Turn {
    return new Turn(this.#memory, this.now, this.swarm, this.effects);
  }

  get registry(): Registry {
    return this.#memory.registries.of(REGISTRY);
  }

  /** A host that holds these pieces, and wants nothing. */
  holder(name: string, pieces: readonly number[], zone = ""): Member {
    this.#memory.hosts.join(hostIdOf(name), `${name}:4102`, zone, false);
    const host = this.#memory.hosts.get(hostIdOf(name));
    if (host === undefined) throw new Error("no host");
    const member = this.swarm.admit(host, REGISTRY, this.group);
    for (const piece of pieces) this.group.hold(member, piece);
    return member;
  }

  /** A host that holds these pieces and wants the rest. */
  peer(name: string, pieces: readonly number[] = [], zone = ""): Wanting {
    const member = this.holder(name, pieces, zone);
    member.peer = newPeer(this.swarm.pieces, "none", false, "reader", 0);
    this.group.trees.join(member);
    return member as Wanting;
  }

  promise(child: Wanting, parent: Member, pieces: readonly number[]): void {
    give(this.turn, { child, parent, pieces });
  }

  /** Lets a peer read these pieces from its source. */
  read(reader: Wanting, pieces: readonly number[]): void {
    give(this.turn, { child: reader, parent: undefined, pieces, unit: true });
  }

  /** Who a peer is promised which pieces by, by name. */
  promised(child: Wanting): Record<string, number[]> {
    const by: Record<string, number[]> = {};
    for (const [piece, grant] of child.peer.promised.entries())
      if (grant !== undefined) (by[grant.parent?.host.id ?? "source"] ??= []).push(piece);
    return by;
  }

  /** The set of all pieces but these. */
  without(...pieces: readonly number[]): number[] {
    return [...PieceSet.full(this.swarm.pieces)].filter((piece) => !pieces.includes(piece));
  }
}
