import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { DaemonStatus } from "@darner/daemon";
import { darnerCommand } from "./darner-command.ts";
import type { NetworkHost } from "./network.ts";
import { Running } from "./running.ts";
import { run, until } from "./shell.ts";

/** The mirror's address inside a node's namespace. */
export const MIRROR = "127.0.0.1:4101";

/** A process is ready within a second; on a machine with thirty processes for every core it was not within twenty. */
export const READY_MS = 60_000;

/** Starts `darner` with this configuration, given as variables, the way a unit file would. */
export function startDarner(
  command: "daemon" | "scheduler",
  host: NetworkHost,
  dir: string,
  config: Readonly<Record<string, string>>,
): Running {
  mkdirSync(dir, { recursive: true });
  return new Running({
    name: `darner ${command}`,
    command: darnerCommand(command),
    logFile: join(dir, `${command}.log`),
    env: { DARNER_DATA_DIR: join(dir, "data"), DARNER_LOG_LEVEL: process.env["DARNER_E2E_LOG"] ?? "info", ...config },
    namespace: host.namespace,
  });
}

/** A Darner daemon in one namespace. */
export class DarnerNode implements AsyncDisposable {
  readonly host: NetworkHost;
  readonly #dir: string;
  readonly #config: Readonly<Record<string, string>>;
  #process: Running;

  private constructor(host: NetworkHost, dir: string, config: Readonly<Record<string, string>>) {
    this.host = host;
    this.#dir = dir;
    this.#config = config;
    this.#process = startDarner("daemon", host, dir, config);
  }

  /** Starts a daemon and waits until its mirror answers and, where it has one configured, it found its scheduler. */
  static async open(host: NetworkHost, dir: string, config: Readonly<Record<string, string>>): Promise<DarnerNode> {
    const node = new DarnerNode(host, dir, { DARNER_ADVERTISE: host.address, DARNER_STORE_MIN_FREE_BYTES: "1GiB", ...config });
    await node.#ready();
    return node;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get alive(): boolean {
    return this.#process.alive;
  }

  /** What the daemon says of itself; undefined where none answers. */
  async status(): Promise<DaemonStatus | undefined> {
    const { ok, stdout } = await run(["curl", "-sf", "-m", "5", "http://127.0.0.1:4104/api/v1/status"], { namespace: this.host.namespace });
    return ok ? (JSON.parse(stdout) as DaemonStatus) : undefined;
  }

  log(): string {
    return this.#process.log();
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    await this.#process.kill();
  }

  /** Asks it to end and starts it again on the same data. */
  async restart(): Promise<void> {
    await this.#process.stop();
    await this.start();
  }

  /** Starts it again after a kill. */
  async start({ needsScheduler = true }: { readonly needsScheduler?: boolean } = {}): Promise<void> {
    this.#process = startDarner("daemon", this.host, this.#dir, this.#config);
    await this.#ready(needsScheduler);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }

  async #ready(needsScheduler = true): Promise<void> {
    const ready = async (): Promise<true | undefined> => {
      if (!this.#process.alive) throw new Error(`the daemon ended: ${this.#process.log()}`);
      const status = await this.status();
      const hasWhatItNeeds = !needsScheduler || status?.schedulers.length === 0 || status?.scheduler !== null;
      return status !== undefined && hasWhatItNeeds ? true : undefined;
    };
    await until(`the daemon at ${this.host.address} to be ready (${this.#process.logFile})`, ready, READY_MS);
  }
}
