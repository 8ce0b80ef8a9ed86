import { setTimeout as pause } from "node:timers/promises";
import { fieldsOf, listOf, specOf, textOf } from "../../test/kubernetes/object.ts";
import { NotThereYet } from "./cluster-files.ts";
import { Container, podName, type PodPlace } from "./container.ts";
import { watchProbe } from "./prober.ts";

/** How a pod is. */
export type PodStatus = {
  readonly phase: "Pending" | "Running" | "Succeeded" | "Failed";
  readonly ready: boolean;
  readonly waitsFor: string;
};

// What a pod names and the cluster does not have yet is looked for again this often; a real kubelet takes ten seconds and more.
const AGAIN_MS = 500;
const GRACE_S = 30;

/** One pod as processes: init containers in order, sidecars among them, then the others; probes, restarts, and its end in Kubernetes' order. */
export class Pod {
  readonly place: PodPlace;
  readonly #init: readonly Container[];
  readonly #main: readonly Container[];
  readonly #onChange: () => void;
  readonly #leaving = new AbortController();
  readonly #notReady = new Set<string>();
  readonly #life: Promise<void>;
  #status: PodStatus = { phase: "Pending", ready: false, waitsFor: "" };

  constructor(place: PodPlace, onChange: () => void) {
    this.place = place;
    const spec = specOf(place.pod);
    this.#init = listOf(spec["initContainers"]).map((one) => new Container(one, place));
    this.#main = listOf(spec["containers"]).map((one) => new Container(one, place));
    this.#onChange = onChange;
    this.#life = this.#live().catch((error: unknown) => {
      this.#become({ phase: "Failed", waitsFor: String(error) });
    });
  }

  get name(): string {
    return podName(this.place.pod);
  }

  get status(): PodStatus {
    return { ...this.#status, ready: this.#status.phase === "Running" && this.#notReady.size === 0 };
  }

  container(name: string): Container {
    const found = [...this.#init, ...this.#main].find((one) => one.name === name);
    if (found === undefined) throw new Error(`${this.name} has no container ${name}`);
    return found;
  }

  /** What every container printed, for a message. */
  logs(): string {
    return [...this.#init, ...this.#main]
      .map((one) => `--- ${this.name} ${one.name} (restarts: ${String(one.restarts)})\n${one.log}`)
      .join("\n");
  }

  /** Ends every process at once, for good: no word, no restart; what the pod left on its node stays. */
  async killForGood(): Promise<void> {
    this.#leaving.abort();
    const all = [...this.#main, ...this.#init];
    for (const one of all) one.signal("SIGKILL");
    await Promise.all(all.map((one) => one.ended()));
  }

  /** Ends the pod as the kubelet does: the containers first, then the sidecars in reverse, all within the pod's grace. */
  async terminate(): Promise<void> {
    if (this.#isOver()) return;
    this.#leaving.abort();
    const grace = Number(specOf(this.place.pod)["terminationGracePeriodSeconds"] ?? GRACE_S) * 1000;
    const until = performance.now() + grace;
    await Promise.all([...this.#main, ...this.#init.filter((one) => !one.isSidecar)].map((one) => end(one, until)));
    for (const sidecar of this.#init.filter((one) => one.isSidecar).toReversed()) await end(sidecar, until);
    await this.#life;
  }

  async #live(): Promise<void> {
    for (const one of this.#init) {
      await this.#started(one);
      if (this.#isOver()) return;
      if (one.isSidecar) await this.#began(one);
      else await this.#succeeded(one);
    }
    for (const one of this.#main) await this.#started(one);
    if (this.#isOver()) return;
    this.#become({ phase: "Running", waitsFor: "" });
    const restart = textOf(specOf(this.place.pod)["restartPolicy"] ?? "Always");
    await Promise.all(this.#main.map((one) => (restart === "Always" ? this.#kept(one) : one.ended())));
    if (restart === "Always" || this.#isOver()) return;
    this.#become({ phase: this.#main.every(({ exitCode }) => exitCode === 0) ? "Succeeded" : "Failed", waitsFor: "" });
  }

  /** Starts a container, as soon as all that it names is there, and looks after its probes. */
  async #started(one: Container): Promise<void> {
    while (!this.#isOver()) {
      try {
        one.start();
        void this.#probed(one);
        return;
      } catch (error) {
        if (!(error instanceof NotThereYet)) throw error;
        this.#become({ phase: this.#status.phase, waitsFor: error.message });
        await this.#pause(AGAIN_MS);
      }
    }
  }

  /** A sidecar has begun when its startup probe holds; then it is kept alive. */
  async #began(one: Container): Promise<void> {
    const probe = one.spec["startupProbe"];
    while (!this.#isOver() && probe !== undefined && !(await one.probe(fieldsOf(probe)))) {
      if (!one.alive) await this.#started(one);
      await this.#pause(Number(fieldsOf(probe)["periodSeconds"] ?? 10) * 1000);
    }
    void this.#kept(one);
  }

  async #succeeded(one: Container): Promise<void> {
    for (;;) {
      await one.ended();
      if (this.#isOver() || one.exitCode === 0) return;
      this.#become({ phase: "Pending", waitsFor: `${one.name} ended with ${String(one.exitCode)}: ${one.log.slice(-500)}` });
      await this.#pause(AGAIN_MS);
      await this.#started(one);
    }
  }

  async #kept(one: Container): Promise<void> {
    while (!this.#isOver()) {
      await one.ended();
      if (this.#isOver()) return;
      await this.#pause(AGAIN_MS);
      await this.#started(one);
    }
  }

  async #probed(one: Container): Promise<void> {
    const { readinessProbe, livenessProbe, startupProbe } = one.spec;
    if (readinessProbe === undefined) return;
    this.#notReady.add(one.name);
    const ended = new AbortController();
    void one.ended().then(() => {
      ended.abort();
      this.#notReady.add(one.name);
      this.#onChange();
    });
    const signal = AbortSignal.any([ended.signal, this.#leaving.signal]);
    const began = Promise.withResolvers<undefined>();
    if (startupProbe === undefined) began.resolve(undefined);
    else
      void watchProbe(
        one,
        fieldsOf(startupProbe),
        (state) => {
          if (state === "holds") began.resolve(undefined);
          else one.signal("SIGKILL");
        },
        AbortSignal.any([signal]),
      );
    await Promise.race([began.promise, one.ended()]);
    if (livenessProbe !== undefined)
      void watchProbe(
        one,
        fieldsOf(livenessProbe),
        (state) => {
          if (state === "fails") one.signal("SIGKILL");
        },
        signal,
      );
    await watchProbe(
      one,
      fieldsOf(readinessProbe),
      (state) => {
        if (state === "holds") this.#notReady.delete(one.name);
        else this.#notReady.add(one.name);
        this.#onChange();
      },
      signal,
    );
  }

  #isOver(): boolean {
    return this.#leaving.signal.aborted;
  }

  async #pause(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#leaving.signal }).catch(() => undefined);
  }

  #become(status: Omit<PodStatus, "ready">): void {
    this.#status = { ...status, ready: false };
    this.#onChange();
  }
}

/** `preStop`, then SIGTERM, and SIGKILL when the pod's time is over. */
async function end(container: Container, until: number): Promise<void> {
  if (!container.alive) return;
  await preStop(container);
  container.signal("SIGTERM");
  const timer = setTimeout(
    () => {
      container.signal("SIGKILL");
    },
    Math.max(0, until - performance.now()),
  );
  await container.ended();
  clearTimeout(timer);
}

async function preStop(container: Container): Promise<void> {
  const hook = fieldsOf(fieldsOf(container.spec["lifecycle"])["preStop"]);
  const command = fieldsOf(hook["exec"])["command"];
  if (Array.isArray(command)) await container.exec(command.map(textOf));
  else if ("sleep" in hook) await pause(Number(fieldsOf(hook["sleep"])["seconds"] ?? 0) * 1000);
  else if ("httpGet" in hook) await container.probe(hook);
}
