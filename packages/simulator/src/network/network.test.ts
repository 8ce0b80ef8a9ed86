import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Timeline } from "../engine/timeline.ts";
import { Link } from "./link.ts";
import { Network } from "./network.ts";
import type { Addressee } from "./parcel.ts";
import { Station, type Rack } from "./station.ts";

const PIECE_BYTES = 1_000_000;
const RATE = 1_000_000;

/** Waits for pieces and notes when they came. */
class Listener implements Addressee {
  isOver = false;
  readonly landings: [piece: number, at: number][] = [];
  readonly #timeline: Timeline;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  landed(piece: number): void {
    this.landings.push([piece, Math.round(this.#timeline.now)]);
  }
}

class Bench {
  readonly timeline = new Timeline();
  readonly network = new Network(this.timeline, { slicesPerPiece: 10, minSliceBytes: 1 });

  station(upBytesPerSecond = RATE, downBytesPerSecond = RATE, rack?: Rack): Station {
    return new Station({ upBytesPerSecond, downBytesPerSecond, latencyMs: 5, rack });
  }

  /** Sends pieces and gives back who notes their landing. */
  send(from: Station, to: Station, pieces: readonly number[], cap = 0): Listener {
    const lane = this.network.open(from, to, cap, PIECE_BYTES);
    const listener = new Listener(this.timeline);
    for (const piece of pieces) this.network.offer(lane, { to: listener, piece, bytes: PIECE_BYTES, isWrong: false });
    return listener;
  }

  play(): void {
    let steps = 0;
    while (this.timeline.step(Infinity)) assert.ok((steps += 1) < 10_000);
  }
}

suite("links", () => {
  test("a piece takes its length over the slowest link of its way, and the latency", () => {
    for (const [up, down] of [
      [RATE, RATE],
      [RATE, 4 * RATE],
      [4 * RATE, RATE],
    ] as const) {
      const bench = new Bench();
      const got = bench.send(bench.station(up), bench.station(RATE, down), [0, 1]);
      bench.play();
      assert.deepEqual(
        got.landings.map(([piece, at]) => [piece, Math.abs(at - (1010 + 1000 * piece)) <= 80]),
        [
          [0, true],
          [1, true],
        ],
        JSON.stringify(got.landings),
      );
    }
  });

  test("two children share a sender's link evenly, and two parents that of a receiver", () => {
    const bench = new Bench();
    const one = bench.station();
    const sent = [bench.send(one, bench.station(), [0]), bench.send(one, bench.station(), [0])];
    const other = bench.station();
    const taken = [bench.send(bench.station(), other, [0]), bench.send(bench.station(), other, [0])];
    bench.play();
    for (const { landings } of [...sent, ...taken]) assert.ok((landings[0]?.[1] ?? 0) >= 1850 && (landings[0]?.[1] ?? 0) <= 2010);
  });

  test("a sender whose one child is slow serves the other at full rate", () => {
    const bench = new Bench();
    const parent = bench.station();
    const slow = bench.send(parent, bench.station(RATE, RATE / 100), [0]);
    const fast = bench.send(parent, bench.station(), [0, 1]);
    bench.play();
    assert.ok((fast.landings[1]?.[1] ?? 0) <= 2500, JSON.stringify(fast.landings));
    assert.ok((slow.landings[0]?.[1] ?? 0) >= 100_000);
  });

  test("a lane with a limit of its own sends no faster, and leaves the rest of the link to others", () => {
    const bench = new Bench();
    const source = bench.station();
    const limited = bench.send(source, bench.station(), [0], RATE / 4);
    const other = bench.send(source, bench.station(), [0]);
    bench.play();
    assert.ok((limited.landings[0]?.[1] ?? 0) >= 3600, JSON.stringify(limited.landings));
    assert.ok((other.landings[0]?.[1] ?? 0) <= 1500, JSON.stringify(other.landings));
  });

  test("what leaves a rack passes its link once and is counted there, what stays inside does not", () => {
    const bench = new Bench();
    const rack = (name: string): Rack => ({ name, out: new Link(RATE / 10), in: new Link(RATE / 10) });
    const [one, other] = [rack("one"), rack("other")];
    const inside = bench.send(bench.station(RATE, RATE, one), bench.station(RATE, RATE, one), [0]);
    const across = bench.send(bench.station(RATE, RATE, one), bench.station(RATE, RATE, other), [0]);
    bench.play();
    assert.ok((inside.landings[0]?.[1] ?? 0) <= 1010);
    assert.ok(Math.abs((across.landings[0]?.[1] ?? 0) - 10_010) <= 100, JSON.stringify(across.landings));
    assert.deepEqual([one.out.bytes, one.in.bytes, other.in.bytes], [PIECE_BYTES, 0, PIECE_BYTES]);
  });

  test("what nobody wants any more is not begun, and what was begun is sent in vain", () => {
    const bench = new Bench();
    const got = bench.send(bench.station(), bench.station(), [0, 1, 2]);
    bench.timeline.after(500, () => (got.isOver = true));
    bench.play();
    assert.deepEqual([got.landings, bench.network.wastedBytes], [[], PIECE_BYTES]);
  });

  test("a dead station neither sends nor receives", () => {
    for (const dies of ["sender", "receiver"] as const) {
      const bench = new Bench();
      const [from, to] = [bench.station(), bench.station()];
      const got = bench.send(from, to, [0, 1]);
      bench.timeline.after(1500, () => ((dies === "sender" ? from : to).isDead = true));
      bench.play();
      assert.deepEqual(
        got.landings.map(([piece]) => piece),
        [0],
      );
    }
  });
});
