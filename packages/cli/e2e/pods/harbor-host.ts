import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PreheatArtifact, TaskOutcome } from "@darner/testkit";
import type { NetworkHost } from "../harness/network.ts";
import { Running } from "../harness/running.ts";
import { must, until } from "../harness/shell.ts";

const PROCESS = fileURLToPath(new URL("harbor-process.ts", import.meta.url));
const PORT = "80";

/** What its administrator is called. */
export const HARBOR_ADMIN = { username: "admin", password: "Harbor12345" };

/** A simulated Harbor on a machine of its own beside the cluster, which resolves the cluster's names. */
export class HarborHost implements AsyncDisposable {
  readonly url: string;
  readonly #host: NetworkHost;
  readonly #process: Running;

  private constructor(host: NetworkHost, dir: string, hostsFile: string) {
    this.#host = host;
    this.url = `http://${host.address}`;
    const { username, password } = HARBOR_ADMIN;
    const node = [process.execPath, "--conditions=source", PROCESS, PORT, username, password];
    const names = ["unshare", "--mount", "--propagation", "private", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hostsFile];
    this.#process = new Running({
      name: "harbor",
      command: [...names, ...node],
      logFile: join(dir, "harbor.log"),
      namespace: host.namespace,
    });
  }

  static async open(host: NetworkHost, dir: string, hostsFile: string): Promise<HarborHost> {
    const harbor = new HarborHost(host, dir, hostsFile);
    await until(
      "Harbor to open its door",
      () => {
        if (!harbor.#process.alive) throw new Error(harbor.#process.log());
        return harbor.#process.log().includes("open") ? true : undefined;
      },
      60_000,
    );
    return harbor;
  }

  /** Runs a preheat of an artifact at the provider that was registered. */
  async preheat(artifact: PreheatArtifact): Promise<TaskOutcome> {
    const post = ["curl", "-sS", "--fail-with-body", "-m", "200", "-d", JSON.stringify(artifact), `${this.url}/execute`];
    const told = await must(post, { namespace: this.#host.namespace, timeoutMs: 210_000 });
    if (told === "") throw new Error("no preheat provider is registered");
    return JSON.parse(told) as TaskOutcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
