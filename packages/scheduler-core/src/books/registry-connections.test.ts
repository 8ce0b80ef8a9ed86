import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { hostIdOf } from "@darner/domain";
import { learnConnections, newConnections, noteRefusal, pieceMsOf, usefulFor, type RegistryConnections } from "./registry-connections.ts";

const PIECE = 1_000_000;
const READERS = ["a", "b"].map((name) => hostIdOf(name));
const ALONE = READERS.slice(0, 1);

suite("how many connections a reader keeps to its registry", () => {
  test("where each connection is limited, a second one is tried, and then eight", () => {
    const connections = newConnections();
    const seen = new Set<number>();
    play(connections, 0, 60_000, { limit: 1250, readers: ALONE, seen });
    assert.deepEqual([...seen], [1, 2, 8]);
    assert.equal(connections.each, 8);
    assert.equal(Math.round(connections.bytesPerMs), 1250);
  });

  test("where two readers fill the link one of them tries a second connection, which is taken back, and not tried again for ten minutes", () => {
    const connections = newConnections();
    const seen = new Set<number>();
    play(connections, 0, 590_000, { limit: Infinity, readers: READERS, seen });
    assert.deepEqual([...seen], [1, 2]);
    assert.equal(connections.each, 1);
    assert.equal(connections.trial, undefined);
    assert.ok(connections.tryAt > 590_000);
  });

  test("where two readers fill the link and pieces come in bursts, nobody keeps a second connection", () => {
    for (const bursts of [
      [0.1, 1.9],
      [0.5, 0.1, 2.4],
      [1.8, 0.2, 0.2, 1.8],
    ]) {
      const connections = newConnections();
      play(connections, 0, 60_000, { limit: Infinity, readers: READERS, bursts });
      assert.equal(connections.each, 1, bursts.join());
    }
  });

  test("a reader that comes while another one tries a second connection ends the trial", () => {
    const connections = newConnections();
    play(connections, 0, 1700, { limit: Infinity, readers: ALONE });
    connections.trial = { by: READERS[0], before: { each: 1, bytesPerMs: 3000, allPerMs: 3000 } };
    learnConnections(connections, { ...sample, reader: READERS[1] ?? hostIdOf("b"), since: 1700, readers: 2 }, 1900);
    assert.equal(connections.trial, undefined);
    assert.equal(connections.each, 1);
  });

  test("what brought nothing twice rests twice as long", () => {
    const connections = newConnections();
    play(connections, 0, 700_000, { limit: Infinity, readers: READERS });
    assert.ok(connections.tryAt > 1_700_000, String(connections.tryAt));
  });

  test("where three connections fill the link two of two readers are enough: eight bring nothing more", () => {
    const connections = newConnections();
    play(connections, 0, 60_000, { limit: 12_500 / 3, readers: READERS });
    assert.equal(connections.each, 2);
  });

  test("no more than the registry may bear", () => {
    const connections = newConnections();
    play(connections, 0, 60_000, { limit: 1250, readers: ALONE, most: 3 });
    assert.equal(connections.each, 3);
  });

  test("nothing is tried for a blob that is over soon", () => {
    const connections = newConnections();
    const seen = new Set<number>();
    play(connections, 0, 60_000, { limit: 1250, readers: ALONE, left: 5 * 1250 * 1000, seen });
    assert.deepEqual([...seen], [1]);
  });

  test("among many readers one connection more shows nothing, and is not tried", () => {
    const connections = newConnections();
    const readers = Array.from({ length: 5 }, (_, index) => hostIdOf(`host-${String(index)}`));
    play(connections, 0, 60_000, { limit: 1250, readers });
    assert.equal(connections.each, 1);
    assert.equal(connections.tryAt, 0);
  });

  test("readers that come or go begin a count anew: their pieces tell nothing about connections", () => {
    const connections = newConnections();
    for (let at = 0; at < 10_000; at += 200)
      learnConnections(connections, { ...sample, reader: READERS[0] ?? hostIdOf("a"), since: at, readers: 1 + ((at / 200) % 2) }, at + 200);
    assert.equal(connections.trial, undefined);
    assert.equal(connections.each, 1);
  });

  test("of long pieces those of who tries count, when it was told, and not those of others that go on as before", () => {
    const connections = newConnections();
    const [a, b] = [READERS[0] ?? hostIdOf("a"), READERS[1] ?? hostIdOf("b")];
    const land = (reader: typeof a, since: number, at: number, told: number): void => {
      learnConnections(connections, { ...sample, leftBytes: 1e8, reader, since, told, readers: 2 }, at);
    };
    land(a, 0, 3000, 1);
    assert.equal(connections.trial?.by, a);
    for (let at = 3000; at < 60_000; at += 3000) {
      land(a, at, at + 3000, 1);
      land(b, at, at + 3000, 1);
    }
    assert.equal(connections.trial.by, a, "it was told of no second one");
    for (let at = 60_000; at < 72_000; at += 6000) {
      land(b, at, at + 3000, 1);
      land(b, at + 3000, at + 6000, 1);
      for (let connection = 0; connection < 2; connection++) land(a, at, at + 6000, 2);
    }
    assert.deepEqual([connections.each, connections.trial], [1, undefined], "its link brings no more with two");
  });

  test("where more readers come, what is tried with long pieces is compared with what as many brought before", () => {
    const connections = newConnections();
    const readers = ["a", "b", "c"].map((name) => hostIdOf(name));
    for (const [turn, reader] of readers.slice(0, 2).entries())
      learnConnections(connections, { ...sample, leftBytes: 1e8, reader, since: turn, told: 1, readers: 2 }, 3000 + turn);
    const { trial } = connections;
    assert.ok(trial !== undefined);
    learnConnections(connections, { ...sample, leftBytes: 1e8, reader: hostIdOf("c"), since: 3000, told: 1, readers: 3 }, 6000);
    assert.equal(connections.trial?.before.allPerMs, (trial.before.allPerMs * 3) / 2);
  });

  test("a read that the registry let down takes back what was tried, or half of what worked", () => {
    const connections = newConnections();
    play(connections, 0, 1700, { limit: 1250, readers: ALONE });
    assert.equal(usefulFor(connections, READERS[0] ?? hostIdOf("a")), 2);
    noteRefusal(connections, 1700);
    assert.equal(usefulFor(connections, READERS[0] ?? hostIdOf("a")), 1);
    connections.each = 8;
    noteRefusal(connections, 1700);
    assert.equal(connections.each, 4);
  });

  test("while more are tried a piece is given the time it takes if they only share what was there", () => {
    const connections = newConnections();
    assert.equal(pieceMsOf(connections, PIECE), 0);
    play(connections, 0, 1700, { limit: 1250, readers: ALONE });
    assert.equal(pieceMsOf(connections, PIECE), 1600);
    noteRefusal(connections, 1700);
    assert.equal(pieceMsOf(connections, PIECE), 800);
  });
});

const sample = { bytes: PIECE, leftBytes: 1e9, told: 8, most: 8 };

type Registry = {
  /** Bytes a millisecond one connection gets at most; the link bears 12,500. */
  readonly limit: number;
  readonly readers: typeof READERS;
  readonly most?: number;
  readonly left?: number;
  /** How many times its usual time each piece of a connection takes, again and again. */
  readonly bursts?: readonly number[];
  /** Takes the most connections any reader had. */
  readonly seen?: Set<number>;
};

/** Each connection of each reader brings piece after piece, as fast as its limit and its share of the link allow. */
function play(
  connections: RegistryConnections,
  from: number,
  to: number,
  { limit, readers, most = 8, left = 1e9, seen, bursts = [1] }: Registry,
): void {
  let pieces = 0;
  const due = new Map<string, { readonly reader: (typeof READERS)[number]; readonly since: number; readonly at: number }>();
  for (let now = from; now < to; now += 10) {
    const all = readers.flatMap((reader) => Array.from({ length: usefulFor(connections, reader) }, (_, index) => ({ reader, index })));
    seen?.add(Math.max(...readers.map((reader) => usefulFor(connections, reader))));
    for (const { reader, index } of all) {
      const key = `${reader}/${String(index)}`;
      const piece = due.get(key);
      if (piece !== undefined && piece.at > now) continue;
      if (piece !== undefined)
        learnConnections(connections, { ...sample, leftBytes: left, most, reader, since: piece.since, readers: readers.length }, piece.at);
      const since = piece?.at ?? now;
      const count = readers.reduce((sum, each) => sum + usefulFor(connections, each), 0);
      due.set(key, { reader, since, at: since + ((bursts[pieces++ % bursts.length] ?? 1) * PIECE) / Math.min(limit, 12_500 / count) });
    }
  }
}
