import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { darnerCommand } from "./darner-command.ts";
import { Running } from "./running.ts";
import { until } from "./shell.ts";

// A second on a machine with nothing else to do; beside other suites on two cores it took more than 20.
const START_MS = 90_000;
const DOORS = ["MIRROR", "PIECES", "P2P", "ADMIN", "METRICS", "GRPC", "HTTP"];

/** A `darner` process of its own on loopback, every door at a port that the system gives. */
export class LoopbackProcess implements AsyncDisposable {
  readonly #process: Running;
  /** What the ready line says: the addresses of its doors. */
  readonly doors: Readonly<Record<string, unknown>>;

  private constructor(process: Running, doors: Readonly<Record<string, unknown>>) {
    this.#process = process;
    this.doors = doors;
  }

  /** Starts it with this configuration and waits for its ready line. */
  static async open(command: "daemon" | "scheduler", dir: string, config: Readonly<Record<string, string>>): Promise<LoopbackProcess> {
    mkdirSync(dir, { recursive: true });
    const listen = Object.fromEntries(DOORS.map((door) => [`DARNER_LISTEN_${door}`, "127.0.0.1:0"]));
    const logFile = join(dir, `${command}.log`);
    // An earlier process on the same data wrote to the same log.
    const earlier = existsSync(logFile) ? linesOf(readFileSync(logFile, "utf8")).length : 0;
    const started = new Running({
      name: `darner ${command}`,
      command: darnerCommand(command),
      logFile,
      env: { DARNER_DATA_DIR: join(dir, "data"), DARNER_STORE_MIN_FREE_BYTES: "1GiB", DARNER_JOIN_INSECURE: "true", ...listen, ...config },
    });
    try {
      const doors = await until(
        `${command} ready (${started.logFile})`,
        () => {
          if (!started.alive) throw new Error(`the ${command} ended: ${started.log()}`);
          return linesOf(started.log())
            .slice(earlier)
            .find(({ message }) => message === `${command} ready`);
        },
        START_MS,
      );
      return new LoopbackProcess(started, doors);
    } catch (error) {
      await started.stop();
      throw error;
    }
  }

  /** The address of a door. */
  door(name: string): string {
    return String(this.doors[name]);
  }

  /** What it has logged, line by line. */
  lines(): Record<string, unknown>[] {
    return linesOf(this.#process.log());
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** What it printed so far. */
  log(): string {
    return this.#process.log();
  }

  /** The most memory it ever had, in bytes (proc(5), VmHWM). */
  get peakBytes(): number {
    const status = readFileSync(`/proc/${String(this.#process.pid)}/status`, "utf8");
    return Number(/^VmHWM:\s+([0-9]+) kB$/m.exec(status)?.[1]) * 1024;
  }

  /** Ends it at once, without a word (`kill -9`). */
  async kill(): Promise<void> {
    await this.#process.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}

function linesOf(log: string): Record<string, unknown>[] {
  // The last line may be half written.
  return log
    .split("\n")
    .flatMap((line) => (line.startsWith("{") && line.endsWith("}") ? [JSON.parse(line) as Record<string, unknown>] : []));
}
