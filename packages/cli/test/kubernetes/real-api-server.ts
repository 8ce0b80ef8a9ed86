import { spawn, type ChildProcess } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { apiVersionOf, KINDS, type Kind } from "./kinds.ts";
import { listOf, type Fields, type KubeObject } from "./object.ts";
import { statusOf } from "./settle.ts";

/** The two programs of a real control plane. */
export type ControlPlane = { readonly apiServer: string; readonly etcd: string };

// An API server on a busy machine fills its caches for a while.
const READY_MS = 90_000;
const LOOK_MS = 300;
// What a Deployment-like object is settled by; the rest has no status that Helm waits for.
const SETTLED = ["DaemonSet", "StatefulSet", "Deployment", "Job", "Pod", "PersistentVolumeClaim"];

/** A real kube-apiserver with a real etcd on loopback, without kubelets and controllers: what they would say is written by `settle`. */
export class RealApiServer implements AsyncDisposable {
  readonly token: string = randomBytes(16).toString("hex");
  readonly #dir: string;
  readonly #processes: ChildProcess[] = [];
  #port = 0;
  #settling: Promise<void> = Promise.resolve();
  readonly #leaving = new AbortController();

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async open(programs: ControlPlane, dir: string): Promise<RealApiServer> {
    const server = new RealApiServer(dir);
    try {
      await server.#start(programs);
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    server.#settling = server.#settle();
    return server;
  }

  get url(): string {
    return `https://127.0.0.1:${String(this.#port)}`;
  }

  /** The certificate that it made for itself. */
  get caFile(): string {
    return join(this.#dir, "certs", "apiserver.crt");
  }

  /** Everything that carries the release's label, as `Kind name`. */
  async held(release: string): Promise<string[]> {
    const found: string[] = [];
    for (const kind of KINDS) {
      const items = await this.#list(kind, `?labelSelector=app.kubernetes.io/instance%3D${release}`);
      found.push(...items.map(({ metadata }) => `${kind.kind} ${metadata.name}`));
    }
    return found;
  }

  /** Puts an object in. */
  async create(kindName: string, namespace: string, object: Fields): Promise<void> {
    const kind = KINDS.find((one) => one.kind === kindName);
    if (kind !== undefined) await this.#ask("POST", pathOf(kind, namespace), object);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving.abort();
    await this.#settling;
    for (const child of this.#processes.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGTERM");
      await once(child, "exit");
    }
  }

  async #start({ apiServer, etcd }: ControlPlane): Promise<void> {
    const [client, peer, port] = [await freePort(), await freePort(), await freePort()];
    this.#port = port;
    const url = (at: number): string => `http://127.0.0.1:${String(at)}`;
    this.#run("etcd", [
      etcd,
      ...[
        "--data-dir",
        join(this.#dir, "etcd"),
        "--unsafe-no-fsync",
        "--listen-client-urls",
        url(client),
        "--advertise-client-urls",
        url(client),
      ],
      ...["--listen-peer-urls", url(peer), "--initial-advertise-peer-urls", url(peer), "--initial-cluster", `default=${url(peer)}`],
    ]);
    mkdirSync(join(this.#dir, "certs"), { recursive: true });
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const [signing, verifying, tokens] = ["sa.key", "sa.pub", "tokens.csv"].map((name) => join(this.#dir, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(signing, privateKey.export({ type: "pkcs1", format: "pem" }));
    writeFileSync(verifying, publicKey.export({ type: "spki", format: "pem" }));
    writeFileSync(tokens, `${this.token},admin,admin,"system:masters"\n`);
    this.#run("kube-apiserver", [
      apiServer,
      ...[
        "--etcd-servers",
        url(client),
        "--secure-port",
        String(port),
        "--bind-address",
        "127.0.0.1",
        "--cert-dir",
        join(this.#dir, "certs"),
      ],
      ...["--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", verifying],
      ...["--service-account-signing-key-file", signing, "--token-auth-file", tokens, "--authorization-mode", "RBAC"],
      ...["--disable-admission-plugins", "ServiceAccount", "--service-cluster-ip-range", "10.96.0.0/16"],
    ]);
    const until = performance.now() + READY_MS;
    while ((await this.#ask("GET", "/readyz").catch(() => ({ status: 0 }))).status !== 200) {
      if (performance.now() > until)
        throw new Error(`the API server did not get ready: ${readFileSync(join(this.#dir, "kube-apiserver.log"), "utf8").slice(-2000)}`);
      await pause(LOOK_MS);
    }
  }

  #run(name: string, [file = "", ...args]: readonly string[]): void {
    const log = openSync(join(this.#dir, `${name}.log`), "a");
    this.#processes.push(spawn(file, args, { stdio: ["ignore", log, log] }));
    closeSync(log);
  }

  /** Says of every workload that it is as it should be, again and again. */
  async #settle(): Promise<void> {
    while (!this.#leaving.signal.aborted) {
      for (const kind of KINDS.filter(({ kind: name }) => SETTLED.includes(name))) {
        for (const object of await this.#list(kind, "").catch(() => [])) await this.#say(kind, object);
      }
      await pause(LOOK_MS, undefined, { signal: this.#leaving.signal }).catch(() => undefined);
    }
  }

  async #say(kind: Kind, object: KubeObject): Promise<void> {
    const status = statusOf({ ...object, apiVersion: apiVersionOf(kind), kind: kind.kind }, 4);
    if (status === undefined) return;
    const { name, namespace = "" } = object.metadata;
    await this.#ask("PATCH", `${pathOf(kind, namespace)}/${name}/status`, { status }, "application/merge-patch+json").catch(
      () => undefined,
    );
  }

  async #list(kind: Kind, query: string): Promise<KubeObject[]> {
    const { status, body } = await this.#ask("GET", `${pathOf(kind, "")}${query}`);
    return status === 200 ? (listOf(body["items"]) as KubeObject[]) : [];
  }

  async #ask(method: string, path: string, body?: Fields, type = "application/json"): Promise<{ status: number; body: Fields }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: Fields }>();
    const headers = { authorization: `Bearer ${this.token}`, "content-type": type };
    const asked = request(`${this.url}${path}`, { method, headers, rejectUnauthorized: false, agent: false }, (response) => {
      text(response).then((answer) => {
        resolve({ status: response.statusCode ?? 0, body: answer.startsWith("{") ? (JSON.parse(answer) as Fields) : {} });
      }, reject);
    });
    asked.on("error", reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
    return promise;
  }
}

function pathOf(kind: Kind, namespace: string): string {
  const root = kind.group === "" ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  return `${root}${namespace === "" ? "" : `/namespaces/${namespace}`}/${kind.plural}`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  await once(server.close(), "close");
  return port;
}
