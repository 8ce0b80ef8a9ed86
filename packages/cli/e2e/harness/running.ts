import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";

/** How a process is started. */
export type RunPlan = {
  readonly name: string;
  readonly command: readonly string[];
  /** Everything it prints goes here. */
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The network namespace it runs in; absent: that of the test. */
  readonly namespace?: string;
};

// A process that does not end within this time after SIGTERM is killed: a leftover would disturb the next test.
const STOP_MS = 15_000;

/** A process that the suite started, and the only kind it ever ends. */
export class Running implements AsyncDisposable {
  readonly name: string;
  readonly logFile: string;
  readonly #child: ChildProcess;

  constructor({ name, command, logFile, env, namespace }: RunPlan) {
    this.name = name;
    this.logFile = logFile;
    const [file = "", ...args] = namespace === undefined ? command : ["ip", "netns", "exec", namespace, ...command];
    const log = openSync(logFile, "a");
    this.#child = spawn(file, args, { stdio: ["ignore", log, log], env: { ...process.env, ...env } });
    closeSync(log);
  }

  /** Whether it still runs. */
  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Its number. Throws where it could not be started: to a system call, 0 would be the whole group of this process. */
  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.name} was not started: ${this.#child.spawnfile} is not there`);
    return this.#child.pid;
  }

  /** The exit code, once it has ended by itself. */
  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  /** What it printed so far. */
  log(): string {
    return readFileSync(this.logFile, "utf8");
  }

  /** Resolves when it has ended. */
  async ended(): Promise<void> {
    if (this.alive) await once(this.#child, "exit");
  }

  /** Ends it at once, without a word (`kill -9`). */
  async kill(): Promise<void> {
    if (!this.alive) return;
    this.#child.kill("SIGKILL");
    await this.ended();
  }

  /** Asks it to end, and waits. */
  async stop(): Promise<void> {
    if (!this.alive) return;
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    await this.ended();
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
