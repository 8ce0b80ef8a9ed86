import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FATHER, MOTHER, one, only, PeerBench, run, told, toldOf } from "../../test/peer-bench.ts";

describe("using grants", () => {
  it("opens at the scheduler and waits for its word", () => {
    const bench = new PeerBench({ have: [3] });
    const [open] = told(bench.log.map(({ effect }) => effect));
    assert.ok(open?.type === "open");
    assert.deepEqual([...open.have], [3]);
    assert.equal(only(bench.read(1), "read-source").length, 0);
  });

  it("asks a parent for the missing pieces of its run, in its stride", () => {
    const bench = new PeerBench({ pieces: 32, have: [8] });
    const fetches = only(bench.grant(1, run(0, 8, 4), MOTHER), "fetch-pieces");
    assert.deepEqual(
      fetches.map(({ run }) => run),
      [run(0, 2, 4), run(12, 5, 4)],
    );
  });

  it("asks nothing where nothing is missing", () => {
    const bench = new PeerBench({ have: [0, 1, 2] });
    assert.deepEqual(bench.grant(1, run(0, 3), MOTHER), []);
  });

  it("reads a granted stripe from the source", () => {
    const bench = new PeerBench();
    const read = one(bench.grant(1, run(4, 4)), "read-source");
    assert.deepEqual(read.run, run(4, 4));
    assert.equal(read.cause, "granted");
  });

  it("streams the whole blob for a granted stripe where the source has no ranges", () => {
    const bench = new PeerBench({ sequential: true });
    assert.deepEqual(one(bench.grant(1, run(4, 4)), "read-source").run, run(0, 16));
  });

  it("skips what is in flight, and asks for it when that came to nothing", () => {
    const bench = new PeerBench();
    const first = one(bench.grant(1, run(0, 8), MOTHER), "fetch-pieces");
    assert.deepEqual(one(bench.grant(2, run(4, 8), FATHER), "fetch-pieces").run, run(8, 4));
    const after = bench.send({ type: "transfer-ended", transfer: first.transfer, failure: { code: "channel-lost" } });
    assert.deepEqual(one(after, "fetch-pieces").run, run(4, 4));
    assert.deepEqual(toldOf(after, "grant-failed"), [{ type: "grant-failed", grant: 1, failure: { code: "channel-lost" } }]);
  });

  it("asks a second parent as soon as the first one is silent, though nothing else happens", () => {
    const bench = new PeerBench();
    bench.table(0);
    bench.grant(1, run(0, 1), MOTHER);
    assert.equal(only(bench.grant(2, run(0, 1), FATHER), "fetch-pieces").length, 0);
    assert.equal(only(bench.after(1999), "fetch-pieces").length, 0);
    assert.deepEqual(one(bench.after(1), "fetch-pieces").parent, FATHER);
  });

  it("asks again for a piece in flight that is late, and cancels the loser", () => {
    const bench = new PeerBench();
    bench.table(0);
    bench.read(1);
    const first = one(bench.grant(1, run(0, 1), MOTHER), "fetch-pieces");
    const needs = toldOf(bench.after(2000), "need");
    assert.deepEqual(needs, [{ type: "need", run: run(0, 1) }]);
    const second = one(bench.grant(2, run(0, 1), FATHER), "fetch-pieces");
    const won = bench.land(second.transfer, 0);
    assert.equal(one(won, "cancel-transfer").transfer, first.transfer);
  });

  it("books a second read of what is in flight as a hedge", () => {
    const bench = new PeerBench();
    bench.grant(1, run(0, 4), MOTHER);
    bench.after(2000);
    assert.equal(one(bench.grant(2, run(0, 4)), "read-source").cause, "hedge");
  });

  it("ignores grants that are malformed, outside the blob or known already", () => {
    const bench = new PeerBench();
    for (const bad of [
      run(0, 1, 0),
      run(0, 2, -1),
      run(-1, 2),
      run(0, 17),
      run(15, 2),
      run(0, 0),
      run(0.5, 1),
      run(Number.NaN, 1),
      run(0, Infinity),
    ]) {
      assert.deepEqual(bench.grant(7, bad, MOTHER), [], JSON.stringify(bad));
    }
    one(bench.grant(7, run(0, 1), MOTHER), "fetch-pieces");
    assert.deepEqual(bench.grant(7, run(1, 1), MOTHER), []);
  });

  it("queues grants above its bound of transfers, in their order", () => {
    const bench = new PeerBench({ limits: { parentTransfers: 2 } });
    bench.table(0);
    const first = one(bench.grant(1, run(0, 1), MOTHER), "fetch-pieces");
    one(bench.grant(2, run(1, 1), MOTHER), "fetch-pieces");
    assert.deepEqual(bench.grant(3, run(2, 1), MOTHER), []);
    assert.deepEqual(bench.grant(4, run(3, 1), MOTHER), []);
    assert.deepEqual(one(bench.deliver(first), "fetch-pieces").run, run(2, 1));
  });

  it("gives a grant back that is one too many", () => {
    const bench = new PeerBench({ limits: { grants: 1 } });
    bench.grant(1, run(0, 1), MOTHER);
    assert.deepEqual(toldOf(bench.grant(2, run(1, 1), MOTHER), "grant-failed"), [
      { type: "grant-failed", grant: 2, failure: { code: "parent-refused" } },
    ]);
  });

  it("cancels what a revoked grant began", () => {
    const bench = new PeerBench();
    const fetch = one(bench.grant(1, run(0, 8), MOTHER), "fetch-pieces");
    const effects = bench.send({ type: "grant-revoked", grant: 1 });
    assert.deepEqual(effects, [{ type: "cancel-transfer", transfer: fetch.transfer }]);
    bench.table(0);
    assert.equal(one(bench.land(fetch.transfer, 0), "accept-pieces").pieces.length, 1, "what still lands counts");
  });

  it("fails the grant of a transfer that ended well without sending all", () => {
    const bench = new PeerBench();
    const fetch = one(bench.grant(1, run(0, 8), MOTHER), "fetch-pieces");
    const effects = bench.send({ type: "transfer-ended", transfer: fetch.transfer });
    assert.deepEqual(toldOf(effects, "grant-failed"), [{ type: "grant-failed", grant: 1, failure: { code: "parent-refused" } }]);
    assert.equal(only(effects, "fetch-pieces").length, 0);
  });

  it("tells a new scheduler nothing of the grants of the old one", () => {
    const bench = new PeerBench();
    const fetch = one(bench.grant(1, run(0, 8), MOTHER), "fetch-pieces");
    bench.send({ type: "scheduler-lost" });
    bench.send({ type: "scheduler-found" });
    const effects = bench.send({ type: "transfer-ended", transfer: fetch.transfer, failure: { code: "channel-lost" } });
    assert.equal(toldOf(effects, "grant-failed").length, 0);
  });
});
