import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Script, type SeenGrant } from "../../test/script.ts";

const NAMES = ["a", "b", "c", "d", "e", "f", "g", "h"];
const ROUND_MS = 100;
// Pieces a host sends to one child, and reads from the source, in a round.
const USUAL = 6;

suite("hosts with slow links", () => {
  test("one that sends slowly feeds nobody after its children waited for two reports, and they are fed by others", () => {
    const swarm = new Swarm("c", 1);
    swarm.play(2);
    assert.ok(swarm.fedBy("c").length > 0, "it begins as everybody does");
    swarm.play(30);
    const before = swarm.script.said.length;
    swarm.play(6);
    const since = swarm.script.grants(swarm.script.said.slice(before));
    assert.deepEqual(
      since.filter(({ from }) => from === "c"),
      [],
    );
    assert.deepEqual(
      swarm.script.scheduler.hosts().map(({ backlogBytes }, index) => (NAMES[index] === "c" ? backlogBytes : 0)),
      NAMES.map(() => 0),
    );
  });

  test("where all send at the same rate nobody is taken for slow", () => {
    const swarm = new Swarm("c", USUAL);
    const before = swarm.script.said.length;
    swarm.play(14);
    assert.ok(swarm.fedBy("c").length > 0);
    assert.deepEqual(
      swarm.script.said.slice(before).filter(({ type }) => type === "revoke-grant"),
      [],
    );
  });
});

/** Eight hosts of one swarm, played by hand: what a parent holds of a grant comes in the next round, so many pieces of it. */
class Swarm {
  readonly script: Script = new Script(256);
  readonly #held = new Map<string, Set<number>>(NAMES.map((name) => [name, new Set()]));
  readonly #slow: string;
  readonly #rate: number;

  constructor(slow: string, rate: number) {
    this.#slow = slow;
    this.#rate = rate;
    for (const name of NAMES) this.script.open(name);
  }

  play(rounds: number): void {
    for (let round = 0; round < rounds; round++) {
      this.script.wait(ROUND_MS);
      for (const name of NAMES) this.#receive(name);
    }
  }

  fedBy(parent: string): SeenGrant[] {
    return this.#live().filter(({ from }) => from === parent);
  }

  #receive(name: string): void {
    const held = this.#held.get(name) ?? new Set();
    const [read, got]: [number[], number[]] = [[], []];
    for (const { from, pieces } of this.#live().filter(({ host }) => host === name)) {
      const ready = pieces.filter((piece) => !held.has(piece) && (from === "source" || this.#held.get(from)?.has(piece) === true));
      (from === "source" ? read : got).push(...ready.slice(0, from === this.#slow ? this.#rate : USUAL));
    }
    for (const piece of [...read, ...got]) held.add(piece);
    if (read.length > 0) this.script.read(name, ascending(read.slice(0, USUAL)));
    for (const piece of read.slice(USUAL)) held.delete(piece);
    if (got.length > 0) this.script.got(name, ascending(got));
  }

  #live(): SeenGrant[] {
    const revoked = new Set(this.script.said.flatMap((effect) => (effect.type === "revoke-grant" ? [effect.grant] : [])));
    return this.script.grants().filter(({ grant }) => !revoked.has(grant));
  }
}

function ascending(pieces: readonly number[]): number[] {
  return [...new Set(pieces)].sort((left, right) => left - right);
}
