import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FATHER, hashOf, line, MOTHER, one, only, PeerBench, run, toldOf } from "../../test/peer-bench.ts";

describe("judging a landed piece", () => {
  it("takes what it read from the source itself as the line of the table and reports it at once", () => {
    const bench = new PeerBench();
    const { transfer } = one(bench.grant(1, run(0, 8)), "read-source");
    for (const piece of [0, 1]) {
      const effects = bench.land(transfer, piece);
      assert.deepEqual(one(effects, "accept-pieces"), {
        type: "accept-pieces",
        pieces: [line(piece)],
        from: "source",
      });
      assert.deepEqual(toldOf(effects, "verified"), [{ type: "verified", pieces: [run(piece, 1)], hashes: [line(piece)] }]);
    }
  });

  it("takes a piece of a parent that is as the table says", () => {
    const bench = new PeerBench();
    bench.table(0);
    const { transfer } = one(bench.grant(1, run(0, 8), MOTHER), "fetch-pieces");
    const effects = bench.land(transfer, 0);
    assert.equal(one(effects, "accept-pieces").from, "parent");
    assert.deepEqual(toldOf(effects, "verified")[0]?.hashes, [], "only what was read from the source is a line");
  });

  it("refuses a wrong piece of a parent, cancels its transfer and tells the scheduler", () => {
    const bench = new PeerBench();
    bench.table(0);
    const { transfer } = one(bench.grant(1, run(0, 8), MOTHER), "fetch-pieces");
    const effects = bench.land(transfer, 0, 1);
    assert.deepEqual(one(effects, "refuse-piece"), { type: "refuse-piece", piece: 0, from: MOTHER.host });
    assert.equal(one(effects, "cancel-transfer").transfer, transfer);
    assert.deepEqual(toldOf(effects, "grant-failed"), [{ type: "grant-failed", grant: 1, failure: { code: "piece-refused", piece: 0 } }]);
  });

  it("keeps a piece without a line until the table brings it, then decides all of them together", () => {
    const bench = new PeerBench();
    const { transfer } = one(bench.grant(1, run(0, 8), MOTHER), "fetch-pieces");
    assert.deepEqual([...bench.land(transfer, 0), ...bench.land(transfer, 1), ...bench.land(transfer, 2, 1)], []);
    const effects = bench.table(0, 1, 2);
    assert.deepEqual(one(effects, "accept-pieces").pieces, [line(0), line(1)]);
    assert.equal(one(effects, "refuse-piece").piece, 2);
    assert.equal(toldOf(effects, "grant-failed").length, 1);
  });

  it("needs a piece again whose line never came, and asks parents for it only when the line is there", () => {
    const bench = new PeerBench({ pieces: 4 });
    const { transfer } = one(bench.grant(1, run(0, 4), MOTHER), "fetch-pieces");
    bench.land(transfer, 2);
    assert.equal(toldOf(bench.after(2999), "need").length, 0);
    const effects = bench.after(1);
    assert.deepEqual(toldOf(effects, "need"), [{ type: "need", run: run(2, 1) }]);
    assert.equal(only(effects, "fetch-pieces").length, 0);
    assert.deepEqual(one(bench.table(2), "fetch-pieces").run, run(2, 1));
  });

  it("asks no parent for what it could not judge without a scheduler", () => {
    const bench = new PeerBench({ pieces: 4, limits: { parentTransfers: 1 } });
    bench.table(0, 2);
    const { transfer } = one(bench.grant(1, run(0, 1), MOTHER), "fetch-pieces");
    bench.grant(2, run(1, 3), MOTHER);
    bench.send({ type: "scheduler-lost" });
    const effects = [...bench.land(transfer, 0), ...bench.send({ type: "transfer-ended", transfer })];
    assert.deepEqual(one(effects, "fetch-pieces").run, run(2, 1));
  });

  it("forgets the oldest undecided piece above its bound", () => {
    const bench = new PeerBench({ limits: { pendingPieces: 2 } });
    const { transfer } = one(bench.grant(1, run(0, 8), MOTHER), "fetch-pieces");
    for (const piece of [0, 1, 2]) bench.land(transfer, piece);
    assert.deepEqual(
      one(bench.table(0, 1, 2), "accept-pieces").pieces.map(({ piece }) => piece),
      [1, 2],
    );
  });

  it("reads a piece again whose source read contradicted the table, and fails the grant the second time", () => {
    const bench = new PeerBench();
    bench.table(0);
    const first = one(bench.grant(1, run(0, 1)), "read-source");
    const refused = bench.land(first.transfer, 0, 1);
    assert.deepEqual(one(refused, "refuse-piece"), { type: "refuse-piece", piece: 0, from: "source" });
    assert.equal(toldOf(refused, "grant-failed").length, 0);
    const again = bench.send({ type: "transfer-ended", transfer: first.transfer });
    const second = one([...refused, ...again], "read-source");
    const effects = bench.land(second.transfer, 0, 1);
    assert.deepEqual(toldOf(effects, "grant-failed"), [{ type: "grant-failed", grant: 1, failure: { code: "piece-refused", piece: 0 } }]);
    assert.equal(bench.snapshot.held, 0);
  });

  it("takes a piece from others that its source could not give", () => {
    const bench = new PeerBench();
    bench.table(0);
    const { transfer } = one(bench.grant(1, run(0, 1)), "read-source");
    bench.grant(2, run(0, 1), FATHER);
    bench.land(transfer, 0, 1);
    const effects = bench.send({ type: "grant-revoked", grant: 1 });
    const fetch = only(
      bench.log.map(({ effect }) => effect),
      "fetch-pieces",
    ).at(-1);
    assert.ok(fetch !== undefined, effects.map(({ type }) => type).join());
    assert.equal(one(bench.land(fetch.transfer, 0), "accept-pieces").from, "parent");
  });

  it("believes its own source when it says the same twice and nobody else can give", () => {
    const bench = new PeerBench({ pieces: 1, random: () => 0 });
    bench.table(0);
    bench.read(1);
    bench.send({ type: "scheduler-lost" });
    const first = one(bench.after(2000), "read-source");
    const again = one(bench.land(first.transfer, 0, 1), "read-source");
    const effects = bench.land(again.transfer, 0, 1);
    assert.deepEqual(one(effects, "accept-pieces").pieces[0]?.hash, hashOf(0, 1));
  });

  it("ignores duplicates, pieces never asked for, unknown transfers and hashes that are none", () => {
    const bench = new PeerBench();
    const { transfer } = one(bench.grant(1, run(0, 8)), "read-source");
    bench.land(transfer, 0);
    for (const effects of [bench.land(transfer, 0), bench.land(transfer, 0, 1), bench.land(transfer, 99), bench.land(77, 2)])
      assert.deepEqual(effects, []);
    assert.deepEqual(bench.send({ type: "piece-landed", transfer, piece: 2, hash: new Uint8Array(5) }), []);
  });

  it("reads a granted run with a stride from the source as contiguous runs", () => {
    const bench = new PeerBench();
    const first = one(bench.grant(1, run(0, 3, 5)), "read-source");
    const second = one(bench.deliver(first), "read-source");
    const third = one(bench.deliver(second), "read-source");
    assert.deepEqual(
      [first, second, third].map((read) => read.run),
      [run(0, 1), run(5, 1), run(10, 1)],
    );
  });

  it("reads as many stripes at once as the scheduler wants", () => {
    const bench = new PeerBench();
    const reads = only(bench.send({ type: "grant-received", grant: { grant: 1, run: run(0, 3, 5), connections: 2 } }), "read-source");
    assert.deepEqual(
      reads.map((read) => read.run),
      [run(0, 1), run(5, 1)],
    );
  });
});
