import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { hostIdOf } from "@darner/domain";
import { learnConnections } from "./learn-connections.ts";
import {
  eachOf,
  newConnections,
  notePassing,
  noteRefusal,
  pieceMsOf,
  usefulFor,
  type RegistryConnections,
} from "./registry-connections.ts";

const PIECE = 1_000_000;
const STEP_MS = 10;
const READERS = ["a", "b"].map((name) => hostIdOf(name));
const ALONE = READERS.slice(0, 1);

suite("how many connections a reader keeps to its registry", () => {
  test("where each connection is limited, a second one is tried, and then eight", () => {
    const connections = newConnections();
    const seen = new Set<number>();
    play(connections, 0, 60_000, { limit: 1250, readers: ALONE, seen });
    assert.deepEqual([...seen], [1, 2, 8]);
    assert.equal(eachOf(connections, 1), 8);
    assert.equal(Math.round(connections.bytesPerMs), 1250);
  });

  test("where two readers fill the link one of them tries a second connection, which is taken back, and not tried again for ten minutes", () => {
    const connections = newConnections();
    const seen = new Set<number>();
    play(connections, 0, 590_000, { limit: Infinity, readers: READERS, seen });
    assert.deepEqual([...seen], [1, 2]);
    assert.equal(eachOf(connections, 2), 1);
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
      assert.equal(eachOf(connections, 2), 1, bursts.join());
    }
  });

  test("a reader that comes while another one tries a second connection ends the trial", () => {
    const connections = newConnections();
    play(connections, 0, 1700, { limit: Infinity, readers: ALONE });
    connections.trial = { by: READERS[0], each: 1, isLong: false, before: { each: 1, bytesPerMs: 3000, allPerMs: 3000 } };
    learnConnections(connections, { ...sample, reader: READERS[1] ?? hostIdOf("b"), since: 1700, readers: 2 }, 1900);
    assert.equal(connections.trial, undefined);
    assert.equal(eachOf(connections, 1), 1);
  });

  test("what brought nothing twice rests twice as long", () => {
    const connections = newConnections();
    play(connections, 0, 700_000, { limit: Infinity, readers: READERS });
    assert.ok(connections.tryAt > 1_700_000, String(connections.tryAt));
  });

  test("where three connections fill the link two of two readers are enough: eight bring nothing more", () => {
    const connections = newConnections();
    play(connections, 0, 60_000, { limit: 12_500 / 3, readers: READERS });
    assert.equal(eachOf(connections, 2), 2);
  });

  test("no more than the registry may bear", () => {
    const connections = newConnections();
    play(connections, 0, 60_000, { limit: 1250, readers: ALONE, most: 3 });
    assert.equal(eachOf(connections, 1), 3);
  });

  test("nothing is tried for a blob that is over soon", () => {
    const connections = newConnections();
    const seen = new Set<number>();
    play(connections, 0, 60_000, { limit: 1250, readers: ALONE, left: 1250 * 1000, seen });
    assert.deepEqual([...seen], [1]);
  });

  test("among many readers one connection more shows nothing, and is not tried", () => {
    const connections = newConnections();
    const readers = Array.from({ length: 5 }, (_, index) => hostIdOf(`host-${String(index)}`));
    play(connections, 0, 60_000, { limit: 4000, readers, bursts: [0.5] });
    assert.equal(eachOf(connections, 5), 1);
    assert.equal(connections.tryAt, 0);
  });

  test("readers that come or go begin a count anew: their pieces tell nothing about connections", () => {
    const connections = newConnections();
    for (let at = 0; at < 10_000; at += 200)
      learnConnections(connections, { ...sample, reader: READERS[0] ?? hostIdOf("a"), since: at, readers: 1 + ((at / 200) % 2) }, at + 200);
    assert.equal(connections.trial, undefined);
    assert.equal(eachOf(connections, 2), 1);
  });

  test("where hosts pass pieces on faster than the source brings them, all readers leap to what their links bear", () => {
    const connections = newConnections();
    notePassing(connections, PIECE, 160);
    const seen = new Set<number>();
    play(connections, 0, 60_000, { limit: 1250, readers: READERS, seen });
    assert.deepEqual([...seen], [1, 5]);
    assert.deepEqual([eachOf(connections, 2), connections.trial], [5, undefined]);
  });

  test("where readers take from others what their links bear nothing is tried, however little comes from the source", () => {
    const connections = newConnections();
    notePassing(connections, PIECE, 160);
    const seen = new Set<number>();
    play(connections, 0, 60_000, { limit: 1250, readers: READERS, seen, fromPeersPerMs: 10_000 });
    assert.deepEqual([...seen], [1]);
  });

  test("where they leap too far they keep as many as bring it all", () => {
    const connections = newConnections();
    notePassing(connections, PIECE, 100);
    play(connections, 0, 60_000, { limit: 2500, readers: READERS });
    assert.equal(eachOf(connections, 2), 3, "12,500 / (2 × 2,500)");
  });

  test("where the registry's own link is what they wait for, the leap is taken back, and not tried again for ten minutes", () => {
    const connections = newConnections();
    notePassing(connections, PIECE, 20);
    play(connections, 0, 590_000, { limit: Infinity, readers: READERS });
    assert.deepEqual([eachOf(connections, 2), connections.trial], [1, undefined]);
    assert.ok(connections.tryAt > 590_000);
  });

  test("where more comes than hosts were seen to pass on, half as many more are tried", () => {
    const connections = newConnections();
    connections.all = 8;
    notePassing(connections, PIECE, 300);
    const seen = new Set<number>();
    play(connections, 0, 60_000, { limit: 1250, readers: READERS, seen });
    assert.deepEqual([...seen], [4, 6, 5], "12,500 / 1,250 for both");
  });

  test("where hosts pass long pieces on no faster than they come, nothing is tried", () => {
    const connections = newConnections();
    notePassing(connections, PIECE, 1600);
    const seen = new Set<number>();
    play(connections, 0, 60_000, { limit: 625, readers: READERS, seen });
    assert.deepEqual([...seen], [1]);
    assert.equal(connections.tryAt, 0);
  });

  test("where nobody saw a long piece passed on, one more is tried after four a connection", () => {
    const connections = newConnections();
    play(connections, 0, 6300, { limit: 625, readers: READERS });
    assert.equal(eachOf(connections, 2), 1);
    const seen = new Set<number>();
    play(connections, 6300, 60_000, { limit: 625, readers: READERS, seen });
    assert.deepEqual([...seen], [1, 2, 3, 5, 8], "and half as many more while that pays");
    assert.equal(eachOf(connections, 2), 8);
  });

  test("no leap while nobody knows what of a long piece's time was the first byte, nor where that takes longer than a piece", () => {
    for (const firstByteMs of [undefined, 900]) {
      const connections = newConnections();
      notePassing(connections, PIECE, 50);
      learnConnections(connections, { ...sample, firstByteMs, reader: hostIdOf("a"), since: 0, readers: 2 }, 800);
      assert.equal(connections.trial, undefined);
    }
  });

  test("of long pieces those count that began after the trial, and of readers that were told of it", () => {
    const connections = newConnections();
    const [a, b] = [hostIdOf("a"), hostIdOf("b")];
    notePassing(connections, PIECE, 400);
    const land = (reader: typeof a, since: number, at: number, told: number): void => {
      learnConnections(connections, { ...sample, reader, since, told, readers: 2 }, at);
    };
    land(a, 0, 1000, 1);
    assert.equal(eachOf(connections, 2), 3);
    for (let at = 1000; at < 20_000; at += 1000) for (const reader of [a, b]) land(reader, at, at + 1000, 1);
    for (let piece = 0; piece < 6; piece++) land(b, 500, 2000, 3);
    assert.ok(connections.trial !== undefined, "nobody was told of more");
    for (let piece = 0; piece < 3; piece++) for (const reader of [a, b]) land(reader, 20_000, 23_000, 3);
    assert.deepEqual([eachOf(connections, 2), connections.trial], [1, undefined], "three bring what one did");
  });

  test("the first pieces of connections that idled, which come sooner, do not make the others look slow", () => {
    for (const isFirst of [true, false]) {
      const connections = newConnections();
      connections.all = 5;
      notePassing(connections, PIECE, 400);
      const reader = hostIdOf("a");
      const land = (since: number, at: number, isFirst: boolean): void => {
        learnConnections(connections, { ...sample, reader, since, isFirst, readers: 1 }, at);
      };
      for (let piece = 0; piece < 5; piece++) land(0, 500, isFirst);
      if (connections.trial === undefined) for (let piece = 0; piece < 5; piece++) land(500, 1500, false);
      assert.equal(connections.trial?.before.bytesPerMs, isFirst ? 1000 : 2000);
    }
  });

  test("a read that the registry let down takes back what was tried, or half of what worked", () => {
    const connections = newConnections();
    play(connections, 0, 900, { limit: 1250, readers: ALONE });
    assert.equal(usefulFor(connections, READERS[0] ?? hostIdOf("a"), 1), 2);
    noteRefusal(connections, 1, 900);
    assert.equal(usefulFor(connections, READERS[0] ?? hostIdOf("a"), 1), 1);
    connections.all = 8;
    noteRefusal(connections, 1, 1700);
    assert.equal(eachOf(connections, 1), 4);
  });

  test("while more are tried a piece is given the time it takes if they only share what was there", () => {
    const connections = newConnections();
    assert.equal(pieceMsOf(connections, PIECE), 0);
    play(connections, 0, 900, { limit: 1250, readers: ALONE });
    assert.equal(pieceMsOf(connections, PIECE), 1600);
    noteRefusal(connections, 1, 900);
    assert.equal(pieceMsOf(connections, PIECE), 800);
  });
});

const sample = { bytes: PIECE, isFirst: false, leftBytes: 1e9, told: 8, most: 8, firstByteMs: 0, fromPeersPerMs: 0 };

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
  readonly fromPeersPerMs?: number;
};

/** Each connection of each reader brings piece after piece, as fast as its limit and its share of the link allow at each moment. */
function play(
  connections: RegistryConnections,
  from: number,
  to: number,
  { limit, readers, most = 8, left = 1e9, seen, bursts = [1], fromPeersPerMs = 0 }: Registry,
): void {
  let pieces = 0;
  const open = new Map<string, { since: number; left: number }>();
  const next = (now: number): { since: number; left: number } => ({ since: now, left: (bursts[pieces++ % bursts.length] ?? 1) * PIECE });
  for (let now = from; now < to; now += STEP_MS) {
    const all = readers.flatMap((reader) =>
      Array.from({ length: usefulFor(connections, reader, readers.length) }, (_, index) => ({ reader, index })),
    );
    seen?.add(Math.max(...readers.map((reader) => usefulFor(connections, reader, readers.length))));
    for (const { reader, index } of all) {
      const key = `${reader}/${String(index)}`;
      const piece = open.get(key) ?? next(now);
      open.set(key, piece);
      piece.left -= STEP_MS * Math.min(limit, 12_500 / all.length);
      if (piece.left > 1) continue;
      open.set(key, next(now + STEP_MS));
      learnConnections(
        connections,
        { ...sample, fromPeersPerMs, leftBytes: left, most, reader, since: piece.since, readers: readers.length },
        now + STEP_MS,
      );
    }
  }
}
