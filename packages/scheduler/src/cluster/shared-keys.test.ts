import assert from "node:assert/strict";
import { mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { openSigningKey, writeFingerprint } from "@darner/membership";
import { loadConfig, StartError, type Config } from "@darner/runtime";
import {
  capturedLog,
  noLeaks,
  openScriptedApiServer,
  openTempDir,
  StoppedClock,
  type CapturedLog,
  type ScriptedApiServer,
} from "@darner/testkit";
import { eventually } from "../../test/eventually.ts";
import { openSharedKeys, tellFingerprint } from "./shared-keys.ts";

noLeaks();

const SECRET = "/api/v1/namespaces/darner/secrets/keys";
const MAP = "/api/v1/namespaces/darner/configmaps/cluster";

type Scheduler = { readonly dir: string; readonly timers: StoppedClock; readonly log: CapturedLog; read(name: string): Promise<string> };
type Bench = AsyncDisposable & {
  readonly api: ScriptedApiServer;
  readonly config: Config;
  scheduler(): Promise<Scheduler>;
  secret(): Record<string, string>;
};

async function openBench(): Promise<Bench> {
  await using births = new AsyncDisposableStack();
  const api = births.use(await openScriptedApiServer({ [SECRET]: { kind: "Secret" }, [MAP]: { kind: "ConfigMap" } }));
  const temp = births.use(await openTempDir());
  const flags = {
    "join.kubernetes.apiServer": api.apiServer,
    "join.kubernetes.caFile": api.caFile,
    "join.kubernetes.reviewerTokenFile": api.tokenFile,
    "join.kubernetes.secret": "darner/keys",
    "join.kubernetes.configMap": "darner/cluster",
  };
  const loaded = loadConfig({ env: {}, flags });
  assert.ok(loaded.ok);
  const lives = births.move();
  return {
    api,
    config: loaded.config,
    async scheduler() {
      const dir = await mkdtemp(join(temp.path, "scheduler-"));
      return { dir, timers: new StoppedClock(), log: capturedLog(), read: (name) => readFile(join(dir, name), "utf8") };
    },
    secret: () => (api.objects.get(SECRET)?.["data"] ?? {}) as Record<string, string>,
    [Symbol.asyncDispose]: () => lives.disposeAsync(),
  };
}

function decoded(text = ""): string {
  return Buffer.from(text, "base64").toString("utf8");
}

suite("keys that schedulers share through a Secret", () => {
  test("the first scheduler makes them, and the next one takes them over", async () => {
    await using bench = await openBench();
    const [first, second] = [await bench.scheduler(), await bench.scheduler()];
    await using _first = await openSharedKeys(bench.config, first.dir, first);
    assert.equal(decoded(bench.secret()["signing.key"]), await first.read("signing.key"));
    assert.equal(decoded(bench.secret()["api-token"]), await first.read("api-token"));
    await using _second = await openSharedKeys(bench.config, second.dir, second);
    for (const name of ["signing.key", "api-token"]) assert.equal(await second.read(name), await first.read(name));
  });

  test("of two first starts at once the one that wrote first counts", async () => {
    await using bench = await openBench();
    const [early, late] = [await bench.scheduler(), await bench.scheduler()];
    bench.api.meddle = (method) => {
      if (method === "PATCH") {
        // The other one comes between what this one read and what it writes.
        bench.api.meddle = undefined;
        bench.api.objects.set(SECRET, {
          ...bench.api.objects.get(SECRET),
          metadata: { resourceVersion: "9" },
          data: { "api-token": Buffer.from("of-the-other\n").toString("base64") },
        });
      }
      return undefined;
    };
    await using _early = await openSharedKeys(bench.config, early.dir, early);
    assert.equal(await early.read("api-token"), "of-the-other\n");
    assert.equal(decoded(bench.secret()["signing.key"]), await early.read("signing.key"));
    await using _late = await openSharedKeys(bench.config, late.dir, late);
    assert.equal(await late.read("signing.key"), await early.read("signing.key"));
  });

  test("a token changed in the Secret counts without a restart", async () => {
    await using bench = await openBench();
    const scheduler = await bench.scheduler();
    await using _keys = await openSharedKeys(bench.config, scheduler.dir, scheduler);
    const secret = bench.api.objects.get(SECRET);
    bench.api.objects.set(SECRET, { ...secret, data: { ...bench.secret(), "api-token": Buffer.from("new\n").toString("base64") } });
    scheduler.timers.advance(30_000);
    await eventually(() => scheduler.log.lines.some(({ message }) => message === "token of the api changed"), "the change is seen");
    assert.equal(await scheduler.read("api-token"), "new\n");
  });

  test("a Secret that somebody empties is filled again with the same", async () => {
    await using bench = await openBench();
    const scheduler = await bench.scheduler();
    await using _keys = await openSharedKeys(bench.config, scheduler.dir, scheduler);
    const before = bench.secret();
    bench.api.objects.set(SECRET, { metadata: { resourceVersion: "40" } });
    const made = (): number => scheduler.log.lines.filter(({ message }) => message === "keys of the cluster made").length;
    assert.equal(made(), 1);
    scheduler.timers.advance(30_000);
    await eventually(() => made() === 2, "they are put back");
    assert.deepEqual(bench.secret(), before);
  });

  test("a Secret that is not allowed is a reason not to start, and says which and why", async () => {
    await using bench = await openBench();
    const scheduler = await bench.scheduler();
    bench.api.meddle = () => ({ status: 403, body: {} });
    const ticking = setInterval(() => {
      scheduler.timers.advance(1000);
    }, 1);
    try {
      await assert.rejects(openSharedKeys(bench.config, scheduler.dir, scheduler), (error: unknown) => {
        assert.ok(error instanceof StartError);
        assert.match(error.message, /the secret darner\/keys \(join\.kubernetes\.secret\) cannot be had: .*403.*role/);
        return true;
      });
    } finally {
      clearInterval(ticking);
    }
  });

  test("a scheduler that has the keys already starts without the API server", async () => {
    await using bench = await openBench();
    const scheduler = await bench.scheduler();
    const kept = await openSharedKeys(bench.config, scheduler.dir, scheduler);
    await kept[Symbol.asyncDispose]();
    const key = await scheduler.read("signing.key");
    bench.api.meddle = () => ({ status: 500, body: {} });
    const ticking = setInterval(() => {
      scheduler.timers.advance(1000);
    }, 1);
    try {
      await using _again = await openSharedKeys(bench.config, scheduler.dir, scheduler);
      assert.equal(await scheduler.read("signing.key"), key);
    } finally {
      clearInterval(ticking);
    }
  });

  test("a Secret that holds something else than a key is told of", async () => {
    await using bench = await openBench();
    const scheduler = await bench.scheduler();
    bench.api.objects.set(SECRET, {
      metadata: { resourceVersion: "1" },
      data: { "signing.key": Buffer.from("nonsense").toString("base64") },
    });
    await assert.rejects(openSharedKeys(bench.config, scheduler.dir, scheduler), /holds no Ed25519 private key/);
  });
});

test("the fingerprint is told to the daemons as soon as the API server lets it", async () => {
  await using bench = await openBench();
  const { dir, timers, log } = await bench.scheduler();
  const { publicKey } = await openSigningKey(dir, undefined);
  bench.api.meddle = () => ({ status: 503, body: {} });
  await using _telling = tellFingerprint(bench.config, publicKey, { timers, log });
  await eventually(() => log.lines.some(({ message }) => message.startsWith("fingerprint cannot be told")), "the refusal is seen");
  bench.api.meddle = undefined;
  timers.advance(10_000);
  await eventually(() => log.lines.some(({ message }) => message === "fingerprint told"), "it is told");
  assert.deepEqual(bench.api.objects.get(MAP)?.["data"], { fingerprint: writeFingerprint(publicKey) });
  bench.api.objects.set(MAP, { metadata: { resourceVersion: "9" } });
  const asked = bench.api.asked.length;
  timers.advance(30_000);
  await eventually(() => bench.api.asked.length > asked && bench.api.objects.get(MAP)?.["data"] !== undefined, "it is told again");
});
