import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { promisify } from "node:util";
import { helmBinary, type HelmMajor } from "@darner/testkit";

const execute = promisify(execFile);

// Where fetched programs are kept; no part of the sources.
const CACHE = fileURLToPath(new URL("../../../../.tmp/helm", import.meta.url));
const RUN_MS = 300_000;
// Each waits ten seconds for a handshake, which two dozen processes on two busy cores may make late.
const TRIES = 6;

/** How one call of Helm ended. */
export type HelmOutcome = { readonly ok: boolean; readonly stdout: string; readonly stderr: string };

/** Where Helm finds a cluster, and what it calls itself there. */
export type HelmPlan = {
  readonly url: string;
  readonly token: string;
  readonly caFile: string;
  /** A directory for its own files. */
  readonly home: string;
  /** What goes before the command, as in `ip netns exec …`. */
  readonly prefix?: readonly string[];
};

/** A real Helm that talks to one cluster. */
export class Helm {
  readonly #program: string;
  readonly #plan: HelmPlan;

  private constructor(program: string, plan: HelmPlan) {
    this.#program = program;
    this.#plan = plan;
  }

  static async open(major: HelmMajor, plan: HelmPlan): Promise<Helm> {
    mkdirSync(CACHE, { recursive: true });
    return new Helm(await helmBinary(major, CACHE), plan);
  }

  /** Runs it; a failure is an outcome, too. An API server that is too busy for the handshake is asked again: nothing was done yet. */
  async run(args: readonly string[]): Promise<HelmOutcome> {
    for (let tries = 1; ; tries += 1) {
      const outcome = await this.#once(args);
      if (outcome.ok || tries === TRIES || !/cluster unreachable/.test(outcome.stderr)) return outcome;
    }
  }

  async #once(args: readonly string[]): Promise<HelmOutcome> {
    const { url, token, caFile, home, prefix = [] } = this.#plan;
    const cluster = ["--kube-apiserver", url, "--kube-token", token, "--kube-ca-file", caFile];
    const dirs = { HELM_CACHE_HOME: join(home, "cache"), HELM_CONFIG_HOME: join(home, "config"), HELM_DATA_HOME: join(home, "data") };
    const [file = "", ...rest] = [...prefix, this.#program, ...args, ...cluster];
    try {
      const { stdout, stderr } = await execute(file, rest, {
        timeout: RUN_MS,
        env: { ...process.env, HOME: home, KUBECONFIG: "", ...dirs },
      });
      return { ok: true, stdout, stderr };
    } catch (error) {
      const { stdout = "", stderr = String(error) } = error as { stdout?: string; stderr?: string };
      return { ok: false, stdout, stderr };
    }
  }

  /** Runs it; rejects where it fails. */
  async must(args: readonly string[]): Promise<string> {
    const { ok, stdout, stderr } = await this.run(args);
    if (!ok) throw new Error(`helm ${args.join(" ")}: ${stderr}${stdout}`);
    return stdout;
  }
}
