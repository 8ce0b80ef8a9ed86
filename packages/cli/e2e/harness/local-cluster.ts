import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDaemon, type RunningDaemon } from "@darner/daemon";
import { loadConfig, openLog, upDefaults, type Config, type Logger, type RawConfig } from "@darner/runtime";
import { openScheduler, type RunningScheduler } from "@darner/scheduler";
import { openScriptedRegistry, type ScriptedRegistry, type ScriptedRegistryPlan } from "@darner/testkit";

/** How a cluster in this process is set up. */
export type LocalPlan = { readonly daemons: number; readonly registry?: ScriptedRegistryPlan; readonly config?: RawConfig };

const DOORS = ["mirror", "pieces", "p2p", "admin", "metrics", "grpc", "http"];

/** A scripted registry, a scheduler and daemons in this process, on loopback: real sockets and disks, no namespaces. */
export class LocalCluster implements AsyncDisposable {
  readonly registry: ScriptedRegistry;
  readonly daemons: RunningDaemon[] = [];
  /** Everything of this cluster is below it: `daemon-0`, `daemon-1`, … are the daemons' data directories. */
  readonly dir: string;
  readonly #log: Logger;
  readonly #extra: RawConfig;
  #scheduler: RunningScheduler | undefined;
  #grpc = "127.0.0.1:0";

  private constructor(registry: ScriptedRegistry, extra: RawConfig) {
    this.registry = registry;
    this.#extra = extra;
    this.dir = mkdtempSync(join(tmpdir(), "darner-local-"));
    const destination = { write: (line: string): void => void process.stderr.write(line) };
    // What goes wrong on purpose is no news: warnings are shown only where somebody looks for a fault.
    const level = (process.env["DARNER_E2E_LOG"] ?? "error") as "error";
    this.#log = openLog({ level, name: "local", destination });
  }

  static async open({ daemons, registry = {}, config = {} }: LocalPlan): Promise<LocalCluster> {
    const cluster = new LocalCluster(await openScriptedRegistry(registry), config);
    await cluster.startScheduler();
    for (let number = 0; number < daemons; number++) await cluster.addDaemon();
    return cluster;
  }

  async startScheduler(): Promise<void> {
    this.#scheduler = await openScheduler(this.#config("scheduler", this.#grpc), { log: this.#log });
    this.#grpc = this.#scheduler.grpc;
  }

  /** The preheat jobs of the scheduler. */
  get jobs(): RunningScheduler["jobs"] {
    if (this.#scheduler === undefined) throw new Error("no scheduler runs");
    return this.#scheduler.jobs;
  }

  async stopScheduler(): Promise<void> {
    await this.#scheduler?.[Symbol.asyncDispose]();
    this.#scheduler = undefined;
  }

  /** Adds a daemon and waits until it found the scheduler. */
  async addDaemon(): Promise<RunningDaemon> {
    const daemon = await openDaemon(this.#config(`daemon-${String(this.daemons.length)}`, "127.0.0.1:0"), { log: this.#log });
    this.daemons.push(daemon);
    for (let waited = 0; daemon.status().scheduler === null && waited < 200; waited++)
      await new Promise((resolve) => setTimeout(resolve, 25));
    return daemon;
  }

  /** Ends a daemon, as a signal would. */
  async removeDaemon(daemon: RunningDaemon): Promise<void> {
    this.daemons.splice(this.daemons.indexOf(daemon), 1);
    await daemon[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.daemons) await daemon[Symbol.asyncDispose]();
    await this.stopScheduler();
    await this.registry.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  #config(name: string, grpc: string): Config {
    const defaults = upDefaults(join(this.dir, name));
    const listen = Object.fromEntries(DOORS.map((door) => [door, door === "grpc" ? grpc : "127.0.0.1:0"]));
    const loaded = loadConfig({
      env: {},
      flags: {},
      defaults: (given) => ({
        ...defaults(given),
        name,
        listen,
        schedulers: name === "scheduler" ? [] : [this.#grpc],
        registries: { [this.registry.host]: { plainHttp: true }, [this.registry.secondHost]: { plainHttp: true } },
        ...this.#extra,
      }),
    });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    return loaded.config;
  }
}
