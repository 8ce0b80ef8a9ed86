import { after, before } from "node:test";
import { silentLog } from "@darner/runtime";
import { noLeaks, openTempDir, type TempDir } from "@darner/testkit";
import { openIdentity, type Identity } from "../identity/identity.ts";
import { gateFor } from "../../test/gate-for.ts";
import { openGate } from "../membership/member-gate.ts";
import type { ChannelEncryption } from "./channel-event.ts";
import { FakeStore, type FakeBlob } from "../../test/fake-blobs.ts";
import { pieceChannelConformance, type PieceChannelRig } from "./piece-channel.conformance.ts";
import { openPieceFetcher } from "./piece-fetcher.ts";
import { openPieceServer } from "./piece-server.ts";

noLeaks();

let dirs: TempDir[] = [];
let identities: Identity[] = [];

before(async () => {
  dirs = await Promise.all([openTempDir(), openTempDir()]);
  identities = await Promise.all(dirs.map(({ path }) => openIdentity(path)));
});

after(async () => {
  for (const dir of dirs) await dir[Symbol.asyncDispose]();
});

async function openRig(encryption: ChannelEncryption): Promise<PieceChannelRig> {
  const [parent, child] = identities;
  if (parent === undefined || child === undefined) throw new Error("no identities");
  const store = new FakeStore();
  const lent = new Map<string, FakeBlob>();
  const deps = { log: silentLog, observe: () => {} };
  const server = await openPieceServer(
    { listen: "127.0.0.1:0", encryption },
    {
      ...deps,
      identity: parent,
      store: store.asStore(),
      lend: ({ digest }) => lent.get(digest)?.hold(),
      gate: gateFor((host) => host === child.host),
    },
  );
  const fetcher = openPieceFetcher({ encryption }, { ...deps, identity: child, gate: openGate });
  return {
    store,
    lent,
    parent: { host: parent.host, address: server.address },
    fetcher,
    stopParent: async () => {
      await server[Symbol.asyncDispose]();
    },
    [Symbol.asyncDispose]: async () => {
      await fetcher[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

pieceChannelConformance("the piece channel over TLS", () => openRig("tls"));
pieceChannelConformance("the piece channel without encryption", () => openRig("none"));
