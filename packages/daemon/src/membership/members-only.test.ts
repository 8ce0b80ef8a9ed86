import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import type { HostId } from "@darner/domain";
import { DenyList, makeKeyFile, MemberLists, writeAdmission, writeDenial, writeListHead, type OwnKey } from "@darner/membership";
import { silentLog } from "@darner/runtime";
import { noLeaks, openTempDir, type TempDir } from "@darner/testkit";
import { contentOf, FakeBlob, FakeStore } from "../../test/fake-blobs.ts";
import { openIdentity, type Identity } from "../identity/identity.ts";
import { openPieceFetcher } from "../piece-channel/piece-fetcher.ts";
import { openPieceServer } from "../piece-channel/piece-server.ts";
import type { ChannelFailure, PieceFetcher, PieceSink } from "../piece-channel/piece-channel.ts";
import { KeptMembership } from "./kept-membership.ts";
import { OwnMembership } from "./own-membership.ts";

noLeaks();

// What was removed is to be felt within seconds; the channel's beat is one.
const SECONDS_MS = 5000;
const WORDS = { what: "key", configKey: "dataDir", ifRemoved: "it is gone" };
const NOTHING: PieceSink = { begin: () => undefined, end: () => undefined };

let dirs: TempDir[] = [];
let cluster: OwnKey;
let foreign: OwnKey;
let parent: Identity;
let child: Identity;

before(async () => {
  dirs = await Promise.all([1, 2, 3].map(() => openTempDir()));
  const [keys = "", one = "", two = ""] = dirs.map(({ path }) => path);
  [cluster, foreign] = [await makeKeyFile(join(keys, "a"), WORDS), await makeKeyFile(join(keys, "b"), WORDS)];
  [parent, child] = await Promise.all([openIdentity(one), openIdentity(two)]);
});

after(async () => {
  for (const dir of dirs) await dir[Symbol.asyncDispose]();
});

/** What the key of `of` would say of a host. */
function admissionOf(host: HostId, of: OwnKey, admittedAt = 1): Uint8Array {
  return writeAdmission({ host, admittedAt, via: "token" }, of);
}

function membershipOf(identity: Identity, admission: Uint8Array | undefined): OwnMembership {
  return new OwnMembership({
    identity,
    signingKey: cluster.publicKey,
    kept: new KeptMembership(join(dirs[0]?.path ?? "", identity.host), silentLog),
    admission,
    lists: new MemberLists(cluster.publicKey),
    denials: new DenyList(cluster.publicKey),
    credential: () => Promise.resolve(undefined),
    pairSecret: undefined,
    log: silentLog,
  });
}

type Rig = AsyncDisposable & {
  readonly ofParent: OwnMembership;
  readonly ofChild: OwnMembership;
  readonly blob: FakeBlob;
  fetch(): Promise<ChannelFailure | undefined>;
};

/** A piece server and a fetcher with the gates of a cluster; of the blob between them the parent has the first piece. */
async function openRig(encryption: "tls" | "none", shown: Uint8Array | undefined): Promise<Rig> {
  await using births = new AsyncDisposableStack();
  const [ofParent, ofChild] = [membershipOf(parent, admissionOf(parent.host, cluster)), membershipOf(child, shown)];
  const store = new FakeStore();
  const blob = store.put(new FakeBlob(contentOf("members", 600_000), [0]));
  const deps = { log: silentLog, observe: () => undefined };
  const server = births.use(
    await openPieceServer(
      { listen: "127.0.0.1:0", encryption },
      { ...deps, identity: parent, store: store.asStore(), lend: () => undefined, gate: ofParent },
    ),
  );
  const fetcher: PieceFetcher = births.use(openPieceFetcher({ encryption }, { ...deps, identity: child, gate: ofChild }));
  const lives = births.move();
  return {
    ofParent,
    ofChild,
    blob,
    fetch: () =>
      fetcher.fetch({
        parent: { host: parent.host, address: server.address },
        task: blob.content.task,
        run: { first: 0, stride: 1, count: 3 },
        sink: NOTHING,
        signal: new AbortController().signal,
      }),
    [Symbol.asyncDispose]: () => lives.disposeAsync(),
  };
}

const holds = async (rig: Rig): Promise<void> => {
  while (rig.blob.held === 0) await new Promise((resolve) => setImmediate(resolve));
};

for (const encryption of ["tls", "none"] as const) {
  suite(`members only, pieces.encryption: ${encryption}`, () => {
    test("who shows nothing, another cluster's word or another host's is given no byte", async () => {
      for (const shown of [undefined, admissionOf(child.host, foreign), admissionOf(parent.host, cluster)]) {
        await using rig = await openRig(encryption, shown);
        assert.ok(["channel-lost", "not-a-member"].includes((await rig.fetch()) ?? "served"));
        assert.equal(rig.blob.held, 0, "the blob was not opened for it");
      }
    });

    test("a host that no list names yet shows its admission; its clock may stand years before or behind", async () => {
      for (const admittedAt of [1, Date.now() + 10 * 365 * 86_400_000]) {
        await using rig = await openRig(encryption, admissionOf(child.host, cluster, admittedAt));
        const fetched = rig.fetch();
        await holds(rig);
        for (const piece of [1, 2]) rig.blob.verify(piece);
        assert.equal(await fetched, undefined);
      }
    });

    test("a removed host loses the connection it has within seconds, and gets no other, whatever it shows", async () => {
      await using rig = await openRig(encryption, admissionOf(child.host, cluster));
      const fetched = rig.fetch();
      await holds(rig);
      const began = performance.now();
      assert.ok(rig.ofParent.heard({ denials: [writeDenial(child.host, 1, cluster)] }));
      assert.ok(["channel-lost", "not-a-member"].includes((await fetched) ?? "served"));
      const ms = performance.now() - began;
      console.log(`an open connection of a removed host, ${encryption}: cut after ${ms.toFixed(0)} ms`);
      assert.ok(ms < SECONDS_MS);
      assert.equal(rig.blob.held, 0);
      const list = new Set([child.host]);
      const change = { head: writeListHead(1, 1, list, cluster), full: true, added: [...list], removed: [] };
      rig.ofParent.heard({ denials: [], list: change });
      assert.ok(["channel-lost", "not-a-member"].includes((await rig.fetch()) ?? "served"), "a list that still names it does not help");
    });

    test("a child lets go of a parent that was removed", async () => {
      await using rig = await openRig(encryption, admissionOf(child.host, cluster));
      const fetched = rig.fetch();
      await holds(rig);
      rig.ofChild.heard({ denials: [writeDenial(parent.host, 1, cluster)] });
      assert.equal(await rig.fetch(), "not-a-member", "nothing more is asked of it");
      rig.blob.verify(1);
      assert.equal(await fetched, "not-a-member");
    });
  });
}
