import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MOTHER, one, only, PeerBench, run } from "../../test/peer-bench.ts";

const STARVED = { type: "standing-told", standing: "starved", retryAfterMs: 0 } as const;

describe("ending readers without hope", () => {
  it("ends starved readers after two seconds where the source may not be read", () => {
    const bench = new PeerBench({ access: "none" });
    bench.read(1);
    bench.send(STARVED);
    assert.equal(only(bench.after(1999), "fail-readers").length, 0);
    assert.deepEqual(one(bench.after(1), "fail-readers"), { type: "fail-readers", reason: "starved", retryAfterMs: 0, readers: [1] });
  });

  it("does the same where there is no scheduler, or a silent one", () => {
    for (const schedulerLive of [false, true]) {
      const bench = new PeerBench({ access: "none", schedulerLive });
      bench.read(1);
      assert.equal(one(bench.after(2000), "fail-readers").reason, "starved");
    }
  });

  it("lets a starved reader be when a parent still sends", () => {
    const bench = new PeerBench({ access: "none" });
    bench.table(0);
    bench.read(1);
    const { transfer } = one(bench.grant(1, run(0, 16), MOTHER), "fetch-pieces");
    bench.send(STARVED);
    bench.after(1900);
    bench.land(transfer, 0);
    bench.send({ type: "reader-advanced", reader: 1, next: 1 });
    assert.equal(only(bench.after(1900), "fail-readers").length, 0);
    assert.equal(only(bench.after(200), "fail-readers").length, 1);
  });

  it("gives nobody the beginning of a blob whose registry is known to send wrong bytes: what is held is dropped", () => {
    const bench = new PeerBench({ access: "own", have: [0, 1, 2] });
    bench.read(1, 0, 2);
    const told = bench.send({ type: "standing-told", standing: "struck", retryAfterMs: 0 });
    assert.equal(only(told, "drop-blob").length, 1);
    assert.deepEqual(one(told, "fail-readers"), { type: "fail-readers", reason: "wrong-bytes", retryAfterMs: 0, readers: [1] });
    assert.equal(only(told, "end-peer").length, 1);
  });

  it("ends a reader 20 s after the scheduler last said that pieces are on their way", () => {
    const bench = new PeerBench();
    bench.read(1);
    const fed = { type: "standing-told", standing: "fed", retryAfterMs: 0 } as const;
    bench.send(fed);
    bench.after(14_000);
    bench.send(fed);
    assert.equal(only(bench.after(19_999), "fail-readers").length, 0);
    assert.equal(one(bench.after(1), "fail-readers").reason, "timed-out");
  });

  it("ends only readers that wait", () => {
    const bench = new PeerBench({ access: "none", have: [0, 1] });
    bench.read(1, 0, 2);
    bench.read(2, 1, 4);
    bench.send({ type: "reader-advanced", reader: 2, next: 2 });
    bench.send(STARVED);
    assert.deepEqual(one(bench.after(2000), "fail-readers").readers, [2]);
    assert.equal(bench.snapshot.readers, 1);
  });

  it("ends a reader that had nothing yet five seconds after the source began to fail, though it is tried again and again", () => {
    const bench = new PeerBench();
    bench.read(1);
    const first = one(bench.grant(1, run(0, 4)), "read-source");
    bench.after(600);
    bench.send({ type: "transfer-ended", transfer: first.transfer, failure: { code: "source-unavailable", retryAfterMs: 1000 } });
    bench.after(1500);
    assert.equal(only(bench.grant(2, run(0, 4)), "read-source").length, 1);
    assert.equal(only(bench.after(3499), "fail-readers").length, 0);
    assert.deepEqual(one(bench.after(1), "fail-readers"), { type: "fail-readers", reason: "limited", retryAfterMs: 0, readers: [1] });
  });

  it("lets a reader that had bytes wait for the next minute of a limited source, and not for the next hour", () => {
    for (const [retryAfterMs, endsAt] of [
      [55_000, undefined],
      [3_600_000, 5000],
    ] as const) {
      const bench = new PeerBench({ access: "none" });
      bench.table(0);
      bench.read(1);
      const { transfer } = one(bench.grant(1, run(0, 1), MOTHER), "fetch-pieces");
      bench.land(transfer, 0);
      bench.send({ type: "reader-advanced", reader: 1, next: 1 });
      bench.send({ type: "standing-told", standing: "limited", retryAfterMs });
      const ended = only(bench.after(endsAt ?? retryAfterMs), "fail-readers");
      assert.equal(ended.length, endsAt === undefined ? 0 : 1);
      bench.send({ type: "standing-told", standing: "fed", retryAfterMs: 0 });
      if (endsAt === undefined) assert.deepEqual(only(bench.after(11_000), "fail-readers"), [], "a fed reader has its usual patience then");
    }
  });

  it("ends readers with the rest of the wait where the source is limited", () => {
    const bench = new PeerBench();
    bench.read(1);
    bench.send({ type: "standing-told", standing: "limited", retryAfterMs: 60_000 });
    assert.equal(only(bench.after(4999), "fail-readers").length, 0);
    assert.deepEqual(one(bench.after(1), "fail-readers"), { type: "fail-readers", reason: "limited", retryAfterMs: 55_000, readers: [1] });
    bench.read(2);
    assert.equal(one(bench.after(300), "fail-readers").retryAfterMs, 54_700, "one that comes later is told soon");
  });

  it("gives the scheduler a second after a short limit", () => {
    const bench = new PeerBench();
    bench.read(1);
    bench.send({ type: "standing-told", standing: "limited", retryAfterMs: 2000 });
    assert.equal(only(bench.after(2500), "fail-readers").length, 0);
    bench.grant(1, run(0, 16));
    assert.equal(only(bench.after(10_000), "fail-readers").length, 0);
  });

  it("ends readers at once where the source refuses and nobody else can give", () => {
    const bench = new PeerBench({ schedulerLive: false });
    const { transfer } = one(bench.read(1), "read-source");
    bench.after(20);
    const effects = bench.send({ type: "transfer-ended", transfer, failure: { code: "source-refused" } });
    assert.equal(one(effects, "fail-readers").reason, "refused");
  });

  it("gives a later reader a moment for the credential it may bring", () => {
    const bench = new PeerBench({ schedulerLive: false });
    const { transfer } = one(bench.read(1), "read-source");
    bench.send({ type: "transfer-ended", transfer, failure: { code: "source-refused" } });
    assert.deepEqual(bench.read(2), []);
    assert.equal(only(bench.send({ type: "access-changed", access: "caller" }), "read-source").length, 1);
    assert.equal(only(bench.after(1000), "fail-readers").length, 0);
  });

  it("hopes for the swarm when its own source refuses and the scheduler feeds it", () => {
    const bench = new PeerBench();
    bench.read(1);
    const { transfer } = one(bench.grant(1, run(0, 16)), "read-source");
    bench.after(20);
    assert.equal(only(bench.send({ type: "transfer-ended", transfer, failure: { code: "source-refused" } }), "fail-readers").length, 0);
    assert.equal(one(bench.send(STARVED), "fail-readers").reason, "refused");
  });

  it("waits 20 s for the first byte of a slow source, from the last piece that came", () => {
    const bench = new PeerBench({ schedulerLive: false });
    const { transfer } = one(bench.read(1), "read-source");
    bench.after(10_000);
    bench.land(transfer, 3);
    assert.equal(only(bench.after(19_999), "fail-readers").length, 0);
    assert.equal(one(bench.after(1), "fail-readers").reason, "timed-out");
  });

  it("ends a reader that had nothing yet after two seconds of a failing source, and lets one with bytes wait", () => {
    const bench = new PeerBench({ schedulerLive: false, have: [0] });
    let { transfer } = one(bench.read(1), "read-source");
    bench.read(2, 4);
    bench.send({ type: "reader-advanced", reader: 1, next: 1 });
    const ended: (readonly number[])[] = [];
    for (let step = 0; step < 40; step++) {
      const effects = [
        ...bench.send({ type: "transfer-ended", transfer, failure: { code: "source-unavailable", retryAfterMs: 500 } }),
        ...bench.after(100),
      ];
      transfer = only(effects, "read-source").at(-1)?.transfer ?? transfer;
      ended.push(...only(effects, "fail-readers").map(({ readers }) => readers));
    }
    assert.deepEqual(ended, [[2]]);
  });

  it("fails all readers and ends when the disk refuses", () => {
    const bench = new PeerBench({ have: [0] });
    bench.read(1);
    const { transfer } = one(bench.grant(1, run(0, 16), MOTHER), "fetch-pieces");
    const effects = bench.send({ type: "transfer-ended", transfer, failure: { code: "disk-refused" } });
    assert.deepEqual(
      effects.map((effect) => (effect.type === "tell-scheduler" ? effect.report.type : effect.type)),
      ["grant-failed", "fail-readers", "close", "end-peer"],
    );
    assert.deepEqual(bench.read(2), []);
  });
});
