import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { FixtureBlob } from "@darner/testkit";
import { until } from "../harness/shell.ts";
import { HostileCluster, type Liar, type Pulled } from "./hostile/hostile-cluster.ts";

const MIB = 1024 * 1024;
const BYTES = 8 * MIB;

let cluster: HostileCluster;
before(async () => {
  cluster = await HostileCluster.open(3);
});
after(() => cluster[Symbol.asyncDispose]());

type Story = {
  readonly pulls: readonly (Pulled & { readonly tries: number })[];
  /** Copies of the blob that left the honest registry. */
  readonly copies: number;
  /** Bytes read from it by cause, in copies. */
  readonly causes: Readonly<Record<string, number>>;
  readonly faults: readonly { readonly host: string; readonly fault: string; readonly blocked: boolean }[];
  readonly firstFaultMs: number | undefined;
};

/** Everybody pulls a blob, again where it ends badly, as containerd does; tells what it cost and who was named. */
async function pullAmong(what: string, blob: FixtureBlob): Promise<Story> {
  const before = { bytes: cluster.registry.bodyBytes(), causes: await cluster.sourceBytes() };
  const startedAt = Date.now();
  const pulls = await Promise.all(cluster.daemons.map((_, at) => cluster.pullWell(at, blob)));
  const copies = (cluster.registry.bodyBytes() - before.bytes) / blob.size;
  const causes = Object.fromEntries(
    [...(await cluster.sourceBytes())]
      .map(([cause, bytes]) => [cause, Number(((bytes - (before.causes.get(cause) ?? 0)) / blob.size).toFixed(3))] as const)
      .filter(([, share]) => share > 0),
  );
  const faults = cluster.faults(blob);
  const first = faults[0];
  const firstFaultMs = first === undefined ? undefined : Date.parse(first.time) - startedAt;
  const ended = pulls
    .map(({ right, ms, tries }) => `${right ? "right" : "WRONG"} in ${String(Math.round(ms))} ms, try ${String(tries)}`)
    .join("; ");
  console.log(
    `${what}: ${ended}; ${copies.toFixed(2)} copies ${JSON.stringify(causes)}; ${JSON.stringify(faults.map(({ host, fault, blocked }) => [host.slice(-4), fault, blocked]))} first after ${String(firstFaultMs)} ms`,
  );
  return { pulls, copies, causes, faults, firstFaultMs };
}

function assertRight({ pulls }: Story): void {
  assert.deepEqual(
    pulls.map(({ right }) => right),
    pulls.map(() => true),
  );
}

/** Nobody but the liar is blocked. */
function assertOnlyBlames({ faults }: Story, { host }: Liar): void {
  assert.deepEqual(
    faults.filter(({ blocked }) => blocked).filter((each) => each.host !== host),
    [],
  );
}

async function refusedRows(liar: Liar): Promise<number> {
  const rows = await Promise.all(cluster.daemons.map((_, at) => cluster.status(at)));
  return rows.filter(({ wrongBytes }) => wrongBytes.some(({ what, who }) => what === "piece-refused" && who === liar.host)).length;
}

test("a holder that sends other bytes than its table says is refused at once, blocked by two children, and costs no byte of the source", async () => {
  const blob = cluster.push("hostile wrong-bytes", BYTES);
  await using liar = await cluster.liar({ lie: "wrong-bytes", blob, name: "wrong-bytes" });
  const story = await pullAmong("wrong-bytes", blob);
  assertRight(story);
  assertOnlyBlames(story, liar);
  assert.ok(story.copies <= 1.05);
  assert.ok(story.pulls.every(({ tries }) => tries === 1));
  assert.ok((await refusedRows(liar)) >= 2, "darner status names it");
  assert.ok(story.faults.some(({ host, fault, blocked }) => host === liar.host && fault === "wrong-pieces" && blocked));
});

// Who has nothing, or gives too little, is no liar for certain: it is left alone, not named.
for (const lie of ["has-nothing", "slow", "endless-waiting", "unasked", "endless-piece", "too-long"]) {
  test(`a holder that lies otherwise (${lie}) costs time, and no more of the source than one hedge`, async () => {
    const blob = cluster.push(`hostile ${lie}`, BYTES);
    await using liar = await cluster.liar({ lie, blob, name: lie });
    const story = await pullAmong(lie, blob);
    assertRight(story);
    assertOnlyBlames(story, liar);
    assert.ok(story.copies <= 1.3);
    assert.ok(story.pulls.every(({ tries }) => tries === 1));
  });
}

test("a reader of the source that tells wrong lines spoils pulls for a while, is named and in the end not heard; nobody else is blocked", async () => {
  const told: string[] = [];
  for (const time of ["first", "second", "third"]) {
    const blob = cluster.push(`hostile wrong-table ${time}`, BYTES);
    await using liar = await cluster.liar({ lie: "wrong-table", blob, name: "wrong-table", pieces: [5], asPeer: true });
    const story = await pullAmong(`wrong-table, ${time} time`, blob);
    assertRight(story);
    assertOnlyBlames(story, liar);
    assert.ok(story.copies <= 6, "bounded, whatever the number of hosts");
    told.push(...story.faults.filter(({ host }) => host === liar.host).map(({ fault }) => fault));
  }
  assert.ok(told.length > 0);
});

test("a host that cries wrong over good bytes makes nobody begin again, and is named", async () => {
  for (const time of ["first", "second", "third"]) {
    const blob = cluster.push(`hostile false-alarm ${time}`, BYTES);
    await using liar = await cluster.liar({ lie: "false-alarm", blob, name: "false-alarm", asPeer: true });
    const story = await pullAmong(`false-alarm, ${time} time`, blob);
    assertRight(story);
    assertOnlyBlames(story, liar);
    assert.ok(story.copies <= 2.1);
  }
});

test("a host that says it has proven bytes that it made up is taken at its word by nobody for long, and named", async () => {
  const told: string[] = [];
  for (const time of ["first", "second", "third"]) {
    const blob = cluster.push(`hostile false-proof ${time}`, BYTES);
    await using liar = await cluster.liar({ lie: "false-proof", blob, name: "false-proof", pieces: [5] });
    const story = await pullAmong(`false-proof, ${time} time`, blob);
    assertRight(story);
    assertOnlyBlames(story, liar);
    assert.ok(story.copies <= 6);
    told.push(...story.faults.filter(({ host }) => host === liar.host).map(({ fault }) => fault));
  }
  assert.ok(told.includes("false-proof"));
});

test("an evil registry with the same digest at the same time: honest pulls cost one copy, end at once, and nobody is blocked", async () => {
  const blob = cluster.push("hostile registry", BYTES);
  const wrong = Buffer.from(blob.bytes);
  wrong[BYTES - 100] = (wrong[BYTES - 100] ?? 0) ^ 1;
  cluster.evil.content.pushBlob("team/app", blob.bytes);
  cluster.evil.fault({ when: { kind: "blob", method: "GET" }, do: { kind: "corrupt", offset: BYTES - 100 } });
  const before = cluster.registry.bodyBytes();
  const evil = cluster.pullWell(0, blob, cluster.evil.host);
  const honest = await Promise.all([cluster.pull(1, blob), cluster.pull(2, blob)]);
  const poisoned = await evil;
  const copies = (cluster.registry.bodyBytes() - before) / blob.size;
  console.log(`evil registry: honest ${JSON.stringify(honest)}, ${copies.toFixed(2)} copies; evil ${JSON.stringify(poisoned)}`);
  assert.ok(
    honest.every(({ right }) => right),
    "each at the first try",
  );
  assert.ok(copies <= 1.05);
  assert.deepEqual(
    cluster.faults(blob).filter(({ blocked, fault }) => blocked && fault !== "registry-wrong-bytes"),
    [],
  );
});

/** An evil registry that has the blob too, with one other byte; slow, so that pulls through it and through the honest one meet. */
function poison(blob: FixtureBlob, bytesPerSecond: number): void {
  cluster.evil.content.pushBlob("team/app", blob.bytes);
  cluster.evil.fault({ when: { kind: "blob", method: "GET", path: blob.digest }, do: { kind: "corrupt", offset: 1000 } });
  cluster.evil.fault({ when: { kind: "blob", method: "GET", path: blob.digest }, do: { kind: "slow", bytesPerSecond } });
}

for (const first of ["evil", "honest"]) {
  test(`an evil and an honest reader of one digest on one node, ${first} first: the honest pull is right at once and costs one copy`, async () => {
    const blob = cluster.push(`hostile node, ${first} first`, BYTES);
    poison(blob, 2 * MIB);
    const before = cluster.registry.bodyBytes();
    const evilBefore = cluster.evil.bodyBytes();
    const startedAt = performance.now();
    const pulls: Record<string, Promise<Pulled>> = {};
    if (first === "evil") {
      pulls["evil"] = cluster.pull(0, blob, cluster.evil.host);
      await until("evil bytes on their way", () => (cluster.evil.bodyBytes() > evilBefore ? true : undefined));
    }
    pulls["honest"] = cluster.pull(0, blob);
    pulls["evil"] ??= cluster.pull(0, blob, cluster.evil.host);
    const honest = await pulls["honest"];
    const evil = await pulls["evil"];
    const copies = (cluster.registry.bodyBytes() - before) / blob.size;
    console.log(
      `one node, ${first} first: honest ${JSON.stringify(honest)}, ${copies.toFixed(3)} copies; evil ${JSON.stringify(evil)}, after ${String(Math.round(performance.now() - startedAt))} ms`,
    );
    assert.ok(honest.right);
    assert.ok(copies <= 1.02);
    // Whoever was given wrong bytes ends short; whoever was not gets the right ones.
    assert.ok(evil.right || evil.bytes < blob.size);
    assert.ok((await cluster.pull(0, blob, cluster.evil.host)).right, "and from then on the node has the right ones for both");
    assert.deepEqual(
      cluster.faults(blob).filter(({ blocked, fault }) => blocked && fault !== "registry-wrong-bytes"),
      [],
    );
  });
}
