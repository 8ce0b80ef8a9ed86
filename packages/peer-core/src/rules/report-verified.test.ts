import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MOTHER, one, PeerBench, run, toldOf } from "../../test/peer-bench.ts";

function fedBench(pieces: number): { bench: PeerBench; transfer: number } {
  const bench = new PeerBench({ pieces });
  bench.table(...Array.from({ length: pieces }, (_, piece) => piece));
  return { bench, transfer: one(bench.grant(1, run(0, pieces), MOTHER), "fetch-pieces").transfer };
}

describe("reporting verified pieces", () => {
  it("reports the first piece at once and the next ones eight seconds later, together", () => {
    const { bench, transfer } = fedBench(64);
    assert.equal(toldOf(bench.land(transfer, 0), "verified").length, 1);
    for (const piece of [3, 2, 7]) {
      bench.after(1000);
      assert.equal(toldOf(bench.land(transfer, piece), "verified").length, 0);
    }
    assert.equal(toldOf(bench.after(5999), "verified").length, 0);
    assert.deepEqual(toldOf(bench.after(1), "verified"), [{ type: "verified", pieces: [run(2, 2), run(7, 1)], hashes: [] }]);
  });

  it("reports sixteen pieces without waiting", () => {
    const { bench, transfer } = fedBench(64);
    bench.land(transfer, 0);
    const reports = Array.from({ length: 16 }, (_, index) => toldOf(bench.land(transfer, index + 1), "verified").length);
    assert.deepEqual(reports, [...Array.from({ length: 15 }, () => 0), 1]);
  });

  it("reports after half as long again as so many pieces took, where they come slower than before", () => {
    const { bench, transfer } = fedBench(64);
    for (let piece = 0; piece < 18; piece++) {
      bench.after(100);
      bench.land(transfer, piece);
    }
    assert.equal(toldOf(bench.after(2399), "verified").length, 0);
    assert.deepEqual(toldOf(bench.after(1), "verified"), [{ type: "verified", pieces: [run(17, 1)], hashes: [] }]);
  });

  it("reports half of what is in flight where more is missing than that: the next promises are to come in time", () => {
    const bench = new PeerBench({ pieces: 64 });
    bench.table(0, 1, 2, 3, 4);
    const { transfer } = one(bench.grant(1, run(0, 5), MOTHER), "fetch-pieces");
    const reports = Array.from({ length: 5 }, (_, piece) => toldOf(bench.land(transfer, piece), "verified").length);
    assert.deepEqual(reports, [1, 0, 1, 1, 1]);
  });

  it("reports what it read from the source at once: others need the lines", () => {
    const bench = new PeerBench({ pieces: 64 });
    const { transfer } = one(bench.grant(1, run(0, 8)), "read-source");
    for (const piece of [0, 1, 2]) assert.equal(toldOf(bench.land(transfer, piece), "verified").length, 1);
  });

  it("reports the last piece before the proof is finished", () => {
    const { bench, transfer } = fedBench(2);
    bench.land(transfer, 0);
    const effects = bench.land(transfer, 1);
    assert.deepEqual(
      effects.map((effect) => (effect.type === "tell-scheduler" ? effect.report.type : effect.type)),
      ["accept-pieces", "verified", "finish-proof"],
    );
  });
});
