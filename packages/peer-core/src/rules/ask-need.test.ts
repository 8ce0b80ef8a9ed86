import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MOTHER, one, PeerBench, run, toldOf } from "../../test/peer-bench.ts";

const GIB = 1024 ** 3;
const FED = { type: "standing-told", standing: "fed", retryAfterMs: 0 } as const;

describe("telling what readers need", () => {
  it("needs what nobody was asked for after 300 ms, again after two seconds, then after twice as long each time up to 16 s", () => {
    const bench = new PeerBench();
    bench.send(FED);
    bench.read(1, 4, 7);
    assert.equal(toldOf(bench.after(299), "need").length, 0);
    assert.deepEqual(toldOf(bench.after(1), "need"), [{ type: "need", run: run(4, 3) }]);
    for (const pause of [2000, 2300, 4600, 9200, 16_000, 16_000]) {
      bench.send(FED);
      assert.equal(toldOf(bench.after(pause - 1), "need").length, 0, String(pause));
      assert.equal(toldOf(bench.after(1), "need").length, 1, String(pause));
    }
  });

  it("needs a piece in flight after two seconds, with what hangs behind it", () => {
    const bench = new PeerBench();
    bench.read(1);
    bench.grant(1, run(0, 4), MOTHER);
    assert.equal(toldOf(bench.after(1999), "need").length, 0);
    assert.deepEqual(toldOf(bench.after(1), "need"), [{ type: "need", run: run(0, 4) }]);
  });

  it("waits longer for the first piece where pieces are long, and not for the next ones", () => {
    const bench = new PeerBench({ pieces: 256, size: GIB });
    bench.table(...Array.from({ length: 16 }, (_, piece) => piece));
    bench.read(1);
    const { transfer } = one(bench.grant(1, run(0, 4), MOTHER), "fetch-pieces");
    assert.equal(toldOf(bench.after(8388), "need").length, 0);
    assert.equal(toldOf(bench.after(1), "need").length, 1);
    bench.land(transfer, 0);
    bench.send({ type: "reader-advanced", reader: 1, next: 1 });
    assert.equal(toldOf(bench.after(2000), "need").length, 1);
  });

  it("waits for no first piece longer than ten seconds, so that the scheduler hears of it before a peer is misled", () => {
    const bench = new PeerBench({ pieces: 256, size: 16 * GIB });
    bench.read(1);
    bench.grant(1, run(0, 4), MOTHER);
    assert.equal(toldOf(bench.after(9999), "need").length, 0);
    assert.equal(toldOf(bench.after(1), "need").length, 1);
  });

  it("waits as long again for its first piece when the scheduler says that pieces are on their way", () => {
    const bench = new PeerBench({ pieces: 256, size: GIB });
    bench.read(1);
    bench.grant(1, run(0, 4), MOTHER);
    bench.after(8000);
    bench.send(FED);
    assert.equal(toldOf(bench.after(8388), "need").length, 0);
    assert.equal(toldOf(bench.after(1), "need").length, 1);
  });

  it("waits eight times the usual time between pieces where they are long", () => {
    const bench = new PeerBench();
    bench.table(...Array.from({ length: 16 }, (_, piece) => piece));
    bench.read(1);
    const { transfer } = one(bench.grant(1, run(0, 16), MOTHER), "fetch-pieces");
    for (const piece of [0, 1, 2, 3]) {
      bench.after(1000);
      bench.land(transfer, piece);
      bench.send({ type: "reader-advanced", reader: 1, next: piece + 1 });
    }
    assert.equal(toldOf(bench.after(7999), "need").length, 0);
    assert.equal(toldOf(bench.after(1), "need").length, 1);
  });

  it("does not need what no reader waits for", () => {
    const bench = new PeerBench({ priority: "preheat" });
    bench.send(FED);
    assert.equal(toldOf(bench.after(5000), "need").length, 0);
  });

  it("needs nothing more when the piece came", () => {
    const bench = new PeerBench();
    bench.table(0);
    bench.read(1, 0, 1);
    const { transfer } = one(bench.grant(1, run(0, 4), MOTHER), "fetch-pieces");
    bench.after(2000);
    bench.land(transfer, 0);
    assert.equal(toldOf(bench.after(5000), "need").length, 0);
  });
});
