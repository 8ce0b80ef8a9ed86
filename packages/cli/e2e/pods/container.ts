import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fieldsOf, listOf, textOf, type Fields, type KubeObject } from "../../test/kubernetes/object.ts";
import { Running } from "../harness/running.ts";
import { run, type Outcome } from "../harness/shell.ts";
import { contentOf, NotThereYet, volumeSource, type VolumePlace } from "./cluster-files.ts";
import { containerCommand, type Bind, type ContainerPlan } from "./container-root.ts";

/** Where a pod runs, and what it is made of. */
export type PodPlace = VolumePlace & {
  readonly namespace: string;
  readonly podIp: string;
  readonly hostIp: string;
  readonly hostsFile: string;
  readonly image: ContainerImage;
};

/** What every image of the chart is here: files, the words its entry point begins with, and its user. */
export type ContainerImage = { readonly files: readonly Bind[]; readonly entrypoint: readonly string[]; readonly user: number };

/** One container of a pod, as a process; started again under the same name it keeps its log. */
export class Container {
  readonly name: string;
  readonly spec: Fields;
  readonly isSidecar: boolean;
  readonly #place: PodPlace;
  #process: Running | undefined;
  // As they were when it started.
  #variables: Readonly<Record<string, string>> = {};
  restarts = -1;

  constructor(spec: Fields, place: PodPlace) {
    this.spec = spec;
    this.name = textOf(spec["name"]);
    this.isSidecar = spec["restartPolicy"] === "Always";
    this.#place = place;
  }

  get alive(): boolean {
    return this.#process?.alive === true;
  }

  get exitCode(): number | null {
    return this.#process?.exitCode ?? null;
  }

  get log(): string {
    return this.#process?.log() ?? "";
  }

  /** Starts it; throws `NotThereYet` where something that it names is missing. */
  start(): void {
    const plan = this.#plan();
    this.#variables = plan.env;
    this.restarts += 1;
    this.#process = new Running({ name: this.name, command: containerCommand(plan), logFile: join(plan.dir, "log") });
  }

  /** Resolves when the process has ended. */
  ended(): Promise<void> {
    return this.#process?.ended() ?? Promise.resolve();
  }

  /** The process in the container that all signals go to: the first of its own numbers. */
  signal(signal: "SIGTERM" | "SIGKILL"): void {
    const pid = this.#firstPid();
    if (!this.alive || pid === undefined) return;
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }

  /** Whether a probe holds now. */
  async probe(probe: Fields): Promise<boolean> {
    const timeout = String(Number(probe["timeoutSeconds"] ?? 1));
    const get = fieldsOf(probe["httpGet"]);
    if ("port" in get) {
      const host = textOf(get["host"]) || this.#place.podIp;
      const url = `${textOf(get["scheme"] ?? "http").toLowerCase()}://${host}:${this.#port(get["port"])}${textOf(get["path"] ?? "/")}`;
      return (await run(["curl", "-sfk", "-o", "/dev/null", "-m", timeout, url], { namespace: this.#place.namespace })).ok;
    }
    const exec = fieldsOf(probe["exec"])["command"];
    return Array.isArray(exec) ? this.exec(exec.map(textOf)) : this.alive;
  }

  /** Runs a command inside, with the container's own variables; whether it ended well. */
  async exec(command: readonly string[]): Promise<boolean> {
    return (await this.execute(command)).ok;
  }

  /** The same, and what it printed. */
  async execute(command: readonly string[]): Promise<Outcome> {
    const pid = this.#firstPid();
    if (pid === undefined) return { ok: false, stdout: "", stderr: `${this.name} does not run` };
    const { user, group } = this.#user();
    const env = Object.entries(this.#variables).map(([name, value]) => `${name}=${value}`);
    const inside = ["nsenter", "-t", String(pid), "-m", "-p", "-n", "-r", "-w", "env", "-i", ...env];
    return run([...inside, "setpriv", `--reuid=${String(user)}`, `--regid=${String(group)}`, "--clear-groups", ...command]);
  }

  #firstPid(): number | undefined {
    const outer = this.#process?.pid ?? 0;
    try {
      const children = readFileSync(`/proc/${String(outer)}/task/${String(outer)}/children`, "utf8").trim();
      return children === "" ? undefined : Number(children.split(" ")[0]);
    } catch {
      return undefined;
    }
  }

  #port(port: unknown): string {
    const named = listOf(this.spec["ports"]).find(({ name }) => name === port);
    return textOf(named?.["containerPort"] ?? port);
  }

  #user(): { readonly user: number; readonly group: number } {
    const own = { ...fieldsOf(fieldsOf(this.#place.pod["spec"])["securityContext"]), ...fieldsOf(this.spec["securityContext"]) };
    const user = Number(own["runAsUser"] ?? this.#place.image.user);
    if (own["runAsNonRoot"] === true && user === 0) throw new Error(`${this.name} has runAsNonRoot and the image's user is root`);
    return { user, group: Number(own["runAsGroup"] ?? user) };
  }

  #plan(): ContainerPlan {
    const place = this.#place;
    const dir = join(place.dir, "containers", this.name);
    mkdirSync(dir, { recursive: true });
    const env = {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      HOSTNAME: place.pod.metadata.name,
      ...kubernetesEnv(),
      ...this.#env(),
    };
    const security = fieldsOf(this.spec["securityContext"]);
    const words = (value: unknown): string[] => (Array.isArray(value) ? value.map((word) => expanded(textOf(word), env)) : []);
    const command = this.spec["command"] === undefined ? [...place.image.entrypoint] : words(this.spec["command"]);
    const group = fieldsOf(fieldsOf(place.pod["spec"])["securityContext"])["fsGroup"];
    return {
      dir,
      namespace: place.namespace,
      image: place.image.files,
      binds: this.#binds(),
      command: [...command, ...words(this.spec["args"])],
      env,
      ...this.#user(),
      groups: typeof group === "number" ? [group] : [],
      capabilities: security["privileged"] === true ? undefined : capabilitiesOf(fieldsOf(security["capabilities"])),
      readOnlyRoot: security["readOnlyRootFilesystem"] === true,
      workDir: textOf(this.spec["workingDir"]) || "/",
      hostsFile: place.hostsFile,
    };
  }

  #binds(): Bind[] {
    const volumes = listOf(fieldsOf(this.#place.pod["spec"])["volumes"]);
    const sources = new Map<string, string>();
    const mounts = listOf(this.spec["volumeMounts"]).map((mount) => {
      const name = textOf(mount["name"]);
      const volume = volumes.find((one) => one["name"] === name);
      if (volume === undefined) throw new Error(`${this.name} mounts ${name}, and there is no such volume`);
      const source = sources.get(name) ?? volumeSource(volume, this.#place);
      sources.set(name, source);
      const whole = join(source, expanded(textOf(mount["subPath"]), {}));
      return { source: whole, path: textOf(mount["mountPath"]), readOnly: mount["readOnly"] === true, isFile: isFile(whole) };
    });
    const account = this.#accountBind();
    if (account !== undefined && !mounts.some(({ path }) => path === account.path)) mounts.push(account);
    // A mount inside another one is made after it.
    return mounts.toSorted((a, b) => a.path.split("/").length - b.path.split("/").length);
  }

  /** What Kubernetes mounts into every container of a pod that does not refuse it. */
  #accountBind(): Bind | undefined {
    if (fieldsOf(this.#place.pod["spec"])["automountServiceAccountToken"] === false) return undefined;
    const sources = [
      { serviceAccountToken: { path: "token" } },
      { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
      { downwardAPI: { items: [{ path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } }] } },
    ];
    const source = volumeSource({ name: "kube-api-access", projected: { sources } }, this.#place);
    return { source, path: "/var/run/secrets/kubernetes.io/serviceaccount", readOnly: true, isFile: false };
  }

  #env(): Record<string, string> {
    const env: Record<string, string> = {};
    for (const from of listOf(this.spec["envFrom"])) for (const [key, value] of this.#content(from)) env[key] = value.toString("utf8");
    for (const { name, value, valueFrom } of listOf(this.spec["env"])) {
      const told = valueFrom === undefined ? expanded(textOf(value), env) : this.#valueFrom(fieldsOf(valueFrom));
      if (told !== undefined) env[textOf(name)] = told;
    }
    return env;
  }

  #valueFrom(from: Fields): string | undefined {
    const path = textOf(fieldsOf(from["fieldRef"])["fieldPath"]);
    if (path !== "") return fieldValue(path, this.#place);
    const reference = fieldsOf(from["configMapKeyRef"] ?? from["secretKeyRef"]);
    const value = this.#content(from).get(textOf(reference["key"]));
    if (value === undefined && reference["optional"] !== true)
      throw new NotThereYet(`${textOf(reference["name"])} has no ${textOf(reference["key"])}`);
    return value?.toString("utf8");
  }

  #content(from: Fields): Map<string, Buffer> {
    const secret = fieldsOf(from["secretKeyRef"] ?? from["secretRef"]);
    const kind = "name" in secret ? "Secret" : "ConfigMap";
    const reference = kind === "Secret" ? secret : fieldsOf(from["configMapKeyRef"] ?? from["configMapRef"]);
    const content = contentOf(this.#place.api, kind, this.#place.pod.metadata.namespace ?? "", textOf(reference["name"]));
    if (content === undefined && reference["optional"] !== true) throw new NotThereYet(`${kind} ${textOf(reference["name"])} is not there`);
    return content ?? new Map<string, Buffer>();
  }
}

function fieldValue(path: string, { pod, podIp, hostIp }: PodPlace): string {
  switch (path) {
    case "status.podIP":
    case "status.podIPs":
      return podIp;
    case "status.hostIP":
      return hostIp;
    case "spec.nodeName":
      return textOf(fieldsOf(pod["spec"])["nodeName"]);
    case "metadata.name":
      return pod.metadata.name;
    case "metadata.namespace":
      return pod.metadata.namespace ?? "";
    default:
      throw new Error(`the field ${path} is not known here`);
  }
}

/** The API server by a name that its certificate carries; a real kubelet gives its address. */
function kubernetesEnv(): Record<string, string> {
  return { KUBERNETES_SERVICE_HOST: "kubernetes.default.svc", KUBERNETES_SERVICE_PORT: "443" };
}

/** `$(NAME)` as Kubernetes expands it; a name that nobody set stays. */
function expanded(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\(([A-Za-z0-9_.-]+)\)/g, (whole, name: string) => env[name] ?? whole);
}

// What containerd gives a container of root's that drops nothing.
const DEFAULT_CAPABILITIES = [
  "chown",
  "dac_override",
  "fsetid",
  "fowner",
  "mknod",
  "net_raw",
  "setgid",
  "setuid",
  "setfcap",
  "setpcap",
  "net_bind_service",
  "sys_chroot",
  "kill",
  "audit_write",
];

function capabilitiesOf({ drop, add }: Fields): string[] {
  const [dropped, added] = [drop, add].map((list) =>
    Array.isArray(list) ? list.map((name) => textOf(name).toLowerCase().replace(/^cap_/, "")) : [],
  );
  const kept = dropped?.includes("all") === true ? [] : DEFAULT_CAPABILITIES.filter((name) => dropped?.includes(name) !== true);
  return [...new Set([...kept, ...(added ?? [])])];
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** The pod that an object is, for messages. */
export function podName({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}
