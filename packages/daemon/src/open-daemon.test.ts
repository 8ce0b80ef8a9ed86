import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig, silentLog, type Config } from "@darner/runtime";
import { noLeaks, openScriptedRegistry, openTempDir, randomBlob, type ScriptedRegistry } from "@darner/testkit";
import { eventually } from "../test/eventually.ts";
import { ScriptedScheduler } from "../test/scheduler-link/scripted-scheduler.ts";
import { openDaemon, type RunningDaemon } from "./open-daemon.ts";

noLeaks();

const DOORS = { mirror: "", pieces: "", p2p: "", admin: "", metrics: "", grpc: "", http: "" };

function configOf(dir: string, registry: ScriptedRegistry, schedulers: readonly string[]): Config {
  const listen = Object.fromEntries(Object.keys(DOORS).map((door) => [`DARNER_LISTEN_${door.toUpperCase()}`, "127.0.0.1:0"]));
  const env = {
    ...listen,
    DARNER_DATA_DIR: dir,
    DARNER_SCHEDULERS: JSON.stringify(schedulers),
    DARNER_REGISTRIES: JSON.stringify({ [registry.host]: { plainHttp: true } }),
    DARNER_JOIN_INSECURE: "true",
    DARNER_STORE_MAX_BYTES: "1MiB",
    DARNER_STORE_MIN_FREE_BYTES: "0",
  };
  const loaded = loadConfig({ env, flags: {} });
  if (!loaded.ok) assert.fail(JSON.stringify(loaded.problems));
  return loaded.config;
}

async function pull(daemon: RunningDaemon, registry: ScriptedRegistry, digest: string): Promise<Response> {
  return fetch(`http://${daemon.addresses.mirror}/v2/library/app/blobs/${digest}?ns=${registry.host}`);
}

async function metricsOf(daemon: RunningDaemon): Promise<string> {
  return (await fetch(`http://${daemon.addresses.metrics}/metrics`)).text();
}

test("a daemon without the scheduler it is configured for is ready, says so, and serves", async () => {
  await using dir = await openTempDir();
  await using registry = await openScriptedRegistry();
  const gone = await ScriptedScheduler.open();
  await gone[Symbol.asyncDispose]();
  await using daemon = await openDaemon(configOf(dir.path, registry, [gone.address]), { log: silentLog });
  const answer = await fetch(`http://${daemon.addresses.metrics}/readyz`);
  assert.equal(answer.status, 200);
  assert.match(await answer.text(), new RegExp(`"ready":true.*no scheduler answers \\(${gone.address}\\)`));
  const blob = registry.content.pushBlob("library/app", randomBlob(1, 300_000).bytes);
  assert.ok(Buffer.from(await (await pull(daemon, registry, blob.digest)).arrayBuffer()).equals(blob.bytes));
  const metrics = await metricsOf(daemon);
  assert.match(metrics, new RegExp(`darner_daemon_source_requests_total{registry="${registry.host}",status="200"} \\d+\\n`));
  await eventually(() => daemon.status().store.bytes === 300_000, "it is in the store");
  assert.match(await metricsOf(daemon), /darner_daemon_store_bytes 300000\n/);
  assert.match(metrics, /darner_daemon_scheduler_live 0\n/);
});

test("a scheduler hears of what is pulled and of what had to go for it", async () => {
  await using dir = await openTempDir();
  await using registry = await openScriptedRegistry();
  await using scheduler = await ScriptedScheduler.open();
  await using daemon = await openDaemon(configOf(dir.path, registry, [scheduler.address]), { log: silentLog });
  await eventually(() => daemon.status().scheduler === "s", "the scheduler is found");
  const blobs = [1, 2].map((seed) => registry.content.pushBlob("library/app", randomBlob(seed, 700_000).bytes));
  for (const { digest, size } of blobs) {
    const pulled = pull(daemon, registry, digest);
    const said = (type: string): boolean =>
      scheduler.session.messages.some(({ reports }) => reports.some((told) => told.task.digest === digest && told.report.type === type));
    await eventually(() => said("open"), "it is asked for at the scheduler");
    scheduler.session.say({
      orders: [
        {
          task: { digest: digest, size },
          order: { type: "grant-stripe", grant: 1, run: { first: 0, stride: 1, count: 3 }, connections: 1 },
        },
      ],
    });
    assert.equal((await (await pulled).arrayBuffer()).byteLength, 700_000);
    await eventually(() => said("proven"), "its proof is told");
    await eventually(() => daemon.status().peers.length === 0, "it is complete");
  }
  const dropped = (): string[] => scheduler.session.messages.flatMap((message) => message.dropped.map(({ digest }) => digest));
  await eventually(() => dropped().length > 0, "the first had to go");
  assert.deepEqual(dropped(), [blobs[0]?.digest]);
  assert.equal((await fetch(`http://${daemon.addresses.metrics}/readyz`)).status, 200);
});

test("a daemon that is stopped takes its leave of the scheduler", async () => {
  await using dir = await openTempDir();
  await using registry = await openScriptedRegistry();
  await using scheduler = await ScriptedScheduler.open();
  const daemon = await openDaemon(configOf(dir.path, registry, [scheduler.address]), { log: silentLog });
  await eventually(() => daemon.status().scheduler === "s", "the scheduler is found");
  await daemon[Symbol.asyncDispose]();
  assert.equal(scheduler.session.ended, true);
});
