import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Server, ServerCredentials, status, type sendUnaryData, type ServerUnaryCall } from "@grpc/grpc-js";
import { digestOf, type Digest } from "@darner/domain";
import { createRegistry } from "@darner/runtime";
import { capturedLog, noLeaks, openTempDir, randomBlob, type CapturedLog } from "@darner/testkit";
import { createDaemonMetrics } from "../metrics.ts";
import { loadContentService } from "./content-client.ts";
import { openIngestAbort, type IngestAbort } from "./ingest-abort.ts";

noLeaks();

const WRONG = digestOf(randomBlob("wrong", 10).digest);
const OTHER = digestOf(randomBlob("other", 10).digest);
const refOf = (digest: Digest, kind = "layer"): string => `${kind}-${digest}`;

/** A content store: the refs of each namespace. `refuse` answers every abort with an error. */
type Script = { readonly refs: Readonly<Record<string, readonly string[]>>; readonly refuse?: status };

type Bench = AsyncDisposable & {
  readonly address: string;
  /** `namespace ref` of every abort that was asked for. */
  readonly aborts: string[];
  readonly log: CapturedLog;
  open(namespaces?: readonly string[]): IngestAbort;
  counted(): Promise<number>;
};

type Call<Request> = ServerUnaryCall<Request, unknown>;

function openServer({ refs, refuse }: Script, aborts: string[]): Server {
  const namespaceOf = (call: Call<unknown>): string => String(call.metadata.get("containerd-namespace")[0]);
  const server = new Server();
  server.addService(loadContentService().definition, {
    ListStatuses: (call: Call<unknown>, done: sendUnaryData<unknown>) => {
      done(null, { statuses: (refs[namespaceOf(call)] ?? []).map((ref) => ({ ref, offset: 1000, total: 2000 })) });
    },
    Abort: (call: Call<{ ref: string }>, done: sendUnaryData<unknown>) => {
      aborts.push(`${namespaceOf(call)} ${call.request.ref}`);
      if (refuse === undefined) done(null, {});
      else done({ code: refuse, details: "scripted" });
    },
  });
  return server;
}

async function openBench(script: Script): Promise<Bench> {
  await using births = new AsyncDisposableStack();
  const dir = births.use(await openTempDir());
  const [address, aborts, log, registry] = [join(dir.path, "containerd.sock"), [] as string[], capturedLog(), createRegistry()];
  const metrics = createDaemonMetrics(registry);
  const server = openServer(script, aborts);
  births.defer(() => {
    server.forceShutdown();
  });
  const bound = Promise.withResolvers<undefined>();
  server.bindAsync(`unix:${address}`, ServerCredentials.createInsecure(), (error) => {
    if (error === null) bound.resolve(undefined);
    else bound.reject(error);
  });
  await bound.promise;
  const lives = births.move();
  return {
    address,
    aborts,
    log,
    open: (namespaces = ["k8s.io"]) => openIngestAbort({ address, namespaces }, { log, metrics }),
    counted: async () => (await metrics.ingestsAborted.get()).values[0]?.value ?? 0,
    [Symbol.asyncDispose]: () => lives.disposeAsync(),
  };
}

/** Tells of a wrong blob and waits until what follows from that is over. */
async function poison(abort: IngestAbort, digest: Digest): Promise<void> {
  abort.poisoned(digest);
  await abort[Symbol.asyncDispose]();
}

test("the ingests of a wrong blob are aborted in every namespace of the configuration, and no other", async () => {
  const refs = { "k8s.io": [refOf(OTHER), refOf(WRONG)], moby: [refOf(WRONG, "config")], elsewhere: [refOf(WRONG)] };
  await using bench = await openBench({ refs });
  await poison(bench.open(["k8s.io", "moby", "empty"]), WRONG);
  assert.deepEqual(bench.aborts.toSorted(), [`k8s.io ${refOf(WRONG)}`, `moby ${refOf(WRONG, "config")}`]);
  assert.equal(await bench.counted(), 2);
});

test("an ingest that is gone already is not counted, and not complained about", async () => {
  await using bench = await openBench({ refs: { "k8s.io": [refOf(WRONG)] }, refuse: status.NOT_FOUND });
  await poison(bench.open(), WRONG);
  assert.deepEqual([bench.aborts.length, await bench.counted(), bench.log.lines.length], [1, 0, 0]);
});

test("a containerd that refuses is named in the log, and nothing else happens", async () => {
  await using bench = await openBench({ refs: { "k8s.io": [refOf(WRONG)] }, refuse: status.PERMISSION_DENIED });
  await poison(bench.open(), WRONG);
  assert.deepEqual([await bench.counted(), bench.log.lines.length], [0, 1]);
});

test("a socket where nobody listens is named in the log, within the time allowed", async () => {
  await using bench = await openBench({ refs: {} });
  const abort = openIngestAbort(
    { address: `${bench.address}.none`, namespaces: ["k8s.io"] },
    { log: bench.log, metrics: createDaemonMetrics(createRegistry()) },
  );
  await poison(abort, WRONG);
  assert.equal(bench.log.lines.length, 1);
});

test("without an address nothing is opened and nothing is done", async () => {
  const log = capturedLog();
  const abort = openIngestAbort({ namespaces: ["k8s.io"] }, { log, metrics: createDaemonMetrics(createRegistry()) });
  await poison(abort, WRONG);
  assert.equal(log.lines.length, 0);
});
