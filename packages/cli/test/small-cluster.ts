import assert from "node:assert/strict";
import { join } from "node:path";
import { openDaemon, type RunningDaemon } from "@darner/daemon";
import { loadConfig, silentLog, upDefaults, type Config } from "@darner/runtime";
import { openScheduler, type RunningScheduler } from "@darner/scheduler";
import { openScriptedRegistry, openTempDir, type ScriptedRegistry, type TempDir } from "@darner/testkit";

/** A registry, a scheduler that writes a journal, and daemons named `one`, `two`, …, all in this process. */
export type SmallCluster = AsyncDisposable & {
  readonly dir: TempDir;
  readonly registry: ScriptedRegistry;
  readonly journal: string;
  /** The scheduler's HTTP side, and the file of its API token. */
  readonly api: { readonly url: string; readonly tokenFile: string };
  readonly daemons: readonly [RunningDaemon, RunningDaemon];
  /** Ends the scheduler, so that its journal is whole. */
  stopScheduler(): Promise<void>;
};

export async function openSmallCluster(): Promise<SmallCluster> {
  await using births = new AsyncDisposableStack();
  const dir = births.use(await openTempDir());
  const registry = births.use(await openScriptedRegistry());
  const journal = join(dir.path, "journal");
  const scheduler = await openScheduler(configOf(dir, "scheduler", { journal: { file: journal } }), { log: silentLog });
  births.defer(() => stop(scheduler));
  const api = { url: `http://${scheduler.http}`, tokenFile: join(dir.path, "scheduler", "scheduler", "api-token") };
  const registries = { [registry.host]: { plainHttp: true } };
  const schedulers = [scheduler.grpc];
  const open = async (name: string): Promise<RunningDaemon> => {
    const daemon = births.use(await openDaemon(configOf(dir, name, { registries, schedulers }), { log: silentLog }));
    // The session stands a moment later; what is asked before it would be read alone.
    while (daemon.status().scheduler === null) await new Promise(setImmediate);
    return daemon;
  };
  const daemons: [RunningDaemon, RunningDaemon] = [await open("one"), await open("two")];
  const lives = births.move();
  return { dir, registry, journal, api, daemons, stopScheduler: () => stop(scheduler), [Symbol.asyncDispose]: () => lives.disposeAsync() };
}

const stopped = new WeakSet<RunningScheduler>();

async function stop(scheduler: RunningScheduler): Promise<void> {
  if (stopped.has(scheduler)) return;
  stopped.add(scheduler);
  await scheduler[Symbol.asyncDispose]();
}

function configOf(dir: TempDir, name: string, more: Readonly<Record<string, unknown>>): Config {
  const listen = Object.fromEntries(["mirror", "pieces", "p2p", "admin", "metrics", "grpc", "http"].map((door) => [door, "127.0.0.1:0"]));
  const defaults = upDefaults(join(dir.path, name));
  const store = { maxBytes: "1GiB", minFreeBytes: "1MiB" };
  const loaded = loadConfig({
    env: {},
    flags: {},
    defaults: (given) => ({ ...defaults(given), name, listen, store, schedulers: [], ...more }),
  });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded.config;
}
