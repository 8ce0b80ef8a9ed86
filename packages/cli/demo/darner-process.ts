import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** What the line "… ready" of a process's log tells: its addresses by name. */
export type ReadyLine = Readonly<Record<string, string>>;

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
// An orderly end takes a fraction of a second; who hangs longer is killed, so that nothing stays behind.
const END_MS = 5000;
// Enough to see why a process did not start.
const KEPT_LINES = 20;

/** One `darner` process of the demo, with a configuration file of its own. Only processes made here are ever ended here. */
export class DarnerProcess implements AsyncDisposable {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #ready: Promise<ReadyLine>;
  readonly #killWithUs = (): void => void this.#child.kill("SIGKILL");

  constructor(command: "daemon" | "scheduler", name: string, dir: string, config: Readonly<Record<string, unknown>>) {
    this.#name = name;
    const file = join(dir, `${name}.yaml`);
    writeFileSync(file, JSON.stringify({ ...config, dataDir: join(dir, name) }));
    const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith("DARNER_")));
    const args = ["--conditions=source", MAIN, command, "--config", file];
    this.#child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"], env });
    process.on("exit", this.#killWithUs);
    this.#ready = this.#readLog(`${command} ready`);
    // Who does not wait for it learns of a failure from those who do.
    this.#ready.catch(() => undefined);
  }

  /** Resolves with the addresses as soon as the process is ready; rejects with the end of its log where it ends before. */
  ready(): Promise<ReadyLine> {
    return this.#ready;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off("exit", this.#killWithUs);
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), END_MS);
    await ended;
    clearTimeout(timer);
  }

  async #readLog(wanted: string): Promise<ReadyLine> {
    const { stderr } = this.#child;
    if (stderr === null) throw new Error(`${this.#name} has no standard error`);
    const lines = createInterface({ input: stderr });
    return new Promise((resolve, reject) => {
      lines.on("line", (line) => {
        this.#lines.push(line);
        if (this.#lines.length > KEPT_LINES) this.#lines.shift();
        const ready = readyLine(line, wanted);
        if (ready !== undefined) resolve(ready);
      });
      this.#child.once("error", reject);
      lines.once("close", () => {
        reject(new Error(`${this.#name} ended before it was ready:\n${this.#lines.join("\n")}`));
      });
    });
  }
}

function readyLine(line: string, wanted: string): ReadyLine | undefined {
  try {
    const entry = JSON.parse(line) as Record<string, string>;
    return entry["message"] === wanted ? entry : undefined;
  } catch {
    return undefined;
  }
}
