import { hostIdOf } from "@darner/domain";
import { noLeaks } from "@darner/testkit";
import { FakeStore, type FakeBlob } from "../../test/fake-blobs.ts";
import { MemoryPieceChannel } from "./memory-piece-channel.ts";
import { pieceChannelConformance } from "./piece-channel.conformance.ts";

noLeaks();

pieceChannelConformance("the piece channel in memory", () => {
  const channel = new MemoryPieceChannel();
  const store = new FakeStore();
  const lent = new Map<string, FakeBlob>();
  const host = hostIdOf("12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp");
  const stop = channel.serve("memory:1", { host, store: store.asStore(), lend: ({ digest }) => lent.get(digest)?.hold() });
  const fetcher = channel.openFetcher();
  return Promise.resolve({
    store,
    lent,
    parent: { host, address: "memory:1" },
    fetcher,
    stopParent: () => {
      stop();
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => fetcher[Symbol.asyncDispose](),
  });
});
