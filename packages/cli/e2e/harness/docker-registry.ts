import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BuiltImage } from "@darner/testkit";
import { imageLayout } from "./image-layout.ts";
import type { NetworkHost } from "./network.ts";
import { Running } from "./running.ts";
import { must, run, until } from "./shell.ts";

/** One answered request in the registry's own log. */
export type RegistryRequest = {
  readonly method: string;
  readonly path: string;
  readonly userAgent: string;
  readonly status: number;
  /** Body bytes the registry wrote. */
  readonly bytes: number;
  /** When the answer was complete, in milliseconds of the machine's clock. */
  readonly at: number;
};

/** A real distribution registry in a namespace of its own. */
export class DockerRegistry implements AsyncDisposable {
  /** The name images carry: `address:5000`. */
  readonly name: string;
  /** Where it stands in the network. */
  readonly host: NetworkHost;
  readonly #dir: string;
  #process: Running;
  // Log lines before this one are of earlier parts of a test.
  #mark = 0;

  private constructor(host: NetworkHost, dir: string) {
    this.host = host;
    this.#dir = dir;
    this.name = `${host.address}:5000`;
    this.#process = this.#start();
  }

  static async open(host: NetworkHost, dir: string): Promise<DockerRegistry> {
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "config.yml"), configText(dir));
    const registry = new DockerRegistry(host, dir);
    await registry.#ready();
    return registry;
  }

  /** Pushes an image; what was asked for that does not count in `requests`. */
  async push(image: BuiltImage, repository: string, tag: string): Promise<void> {
    const layout = imageLayout(join(this.#dir, `layout-${repository.replaceAll("/", "_")}-${tag}`), image);
    const target = `docker://${this.name}/${repository}:${tag}`;
    await must(["skopeo", "copy", "--all", "--preserve-digests", "--dest-tls-verify=false", `oci:${layout}`, target], {
      namespace: this.host.namespace,
    });
    this.mark();
  }

  /** Requests from here on count. */
  mark(): void {
    this.#mark = this.#answered().length;
  }

  /** Requests answered since the last `mark`. */
  requests(): RegistryRequest[] {
    return this.#answered().slice(this.#mark);
  }

  /** Body bytes of manifests and blobs sent since the last `mark`. */
  bodyBytes(): number {
    return this.requests()
      .filter(({ method, path }) => method === "GET" && /\/(?:blobs|manifests)\//.test(path))
      .reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Requests that containerd made itself, past the mirror: its fall-backs. */
  fallbacks(): RegistryRequest[] {
    return this.requests().filter(({ userAgent }) => userAgent.startsWith("containerd/"));
  }

  get pid(): number {
    return this.#process.pid;
  }

  async stop(): Promise<void> {
    await this.#process.kill();
  }

  async restart(): Promise<void> {
    this.#process = this.#start();
    await this.#ready();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }

  #start(): Running {
    return new Running({
      name: "docker-registry",
      command: ["docker-registry", "serve", join(this.#dir, "config.yml")],
      logFile: join(this.#dir, "registry.log"),
      namespace: this.host.namespace,
    });
  }

  #ready(): Promise<true> {
    return until("the registry to answer", async () => {
      const { ok } = await run(["curl", "-sf", `http://${this.name}/v2/`], { namespace: this.host.namespace });
      return ok ? true : undefined;
    });
  }

  #answered(): RegistryRequest[] {
    return this.#process
      .log()
      .split("\n")
      .flatMap((line) => answeredIn(line));
  }
}

function answeredIn(line: string): RegistryRequest[] {
  if (!line.startsWith("{")) return [];
  const entry = JSON.parse(line) as Record<string, unknown>;
  const status = entry["http.response.status"];
  // The registry writes one "response completed" (or "completed with error") line a request; other lines tell no status.
  if (typeof status !== "number" || typeof entry["msg"] !== "string" || !entry["msg"].startsWith("response completed")) return [];
  return [
    {
      method: textIn(entry, "http.request.method"),
      path: textIn(entry, "http.request.uri"),
      userAgent: textIn(entry, "http.request.useragent"),
      status,
      bytes: Number(entry["http.response.written"] ?? 0),
      at: Date.parse(textIn(entry, "time")),
    },
  ];
}

function textIn(entry: Readonly<Record<string, unknown>>, key: string): string {
  const value = entry[key];
  return typeof value === "string" ? value : "";
}

function configText(dir: string): string {
  return [
    "version: 0.1",
    "log: { level: info, formatter: json, accesslog: { disabled: true } }",
    `storage: { filesystem: { rootdirectory: "${join(dir, "data")}" }, delete: { enabled: true } }`,
    'http: { addr: "0.0.0.0:5000" }',
    "",
  ].join("\n");
}
