import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { CpuTime } from "./cpu-meter.ts";

/** How one pull ended. */
export type Pulled = { readonly ok: boolean; readonly seconds: number; readonly cpu: CpuTime; readonly trouble: string };

// A pull that takes longer hangs: the slowest arrangement measured takes four minutes.
const PULL_LIMIT_MS = 600_000;

/** A pull that stands ready in its namespace and begins when it is told to, so that starting processes is not measured. */
export class PullClient {
  readonly #child: ChildProcess;
  readonly #closed: Promise<number | null>;
  #output = "";

  /** `script` is for bash. */
  constructor(namespace: string, script: string) {
    const measured = `read -r || exit 1; TIMEFORMAT='%R %U %S'; time { ${script}; }`;
    this.#child = spawn("ip", ["netns", "exec", namespace, "bash", "-c", measured], { stdio: ["pipe", "ignore", "pipe"] });
    this.#closed = once(this.#child, "close").then(([code]) => code as number | null);
    this.#child.stderr?.on("data", (text: Buffer) => {
      this.#output += text.toString();
    });
  }

  /** Pulls after `waitMs`. */
  async pull(waitMs: number): Promise<Pulled> {
    const limit = setTimeout(() => this.#child.kill("SIGKILL"), PULL_LIMIT_MS);
    const begin = setTimeout(() => this.#child.stdin?.end("go\n"), waitMs);
    const code = await this.#closed;
    clearTimeout(limit);
    clearTimeout(begin);
    const lines = this.#output.trim().split("\n");
    const [seconds = 0, user = 0, system = 0] = (lines.pop() ?? "").split(" ").map(Number);
    return { ok: code === 0, seconds, cpu: { user, system }, trouble: lines.join("\n") };
  }
}

const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";

/** What a plain client does: the manifest, then all layers at once, all thrown away. */
export function plainPull(base: string, query: string, repository: string, manifest: string, layers: readonly string[]): string {
  const get = (path: string): string => `curl -sSf -o /dev/null -H 'Accept: ${MANIFEST_TYPE}' '${base}/v2/${repository}/${path}${query}'`;
  const blobs = layers.map((layer) => `${get(`blobs/${layer}`)} & jobs="$jobs $!"`).join("; ");
  return `${get(`manifests/${manifest}`)} && { jobs=; bad=0; ${blobs}; for job in $jobs; do wait $job || bad=1; done; [ $bad = 0 ]; }`;
}

/** A command, for bash. */
export function quoted(command: readonly string[]): string {
  return command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
}
