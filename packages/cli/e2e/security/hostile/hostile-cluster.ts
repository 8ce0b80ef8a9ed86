import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DaemonStatus } from "@darner/daemon";
import { openScriptedRegistry, randomBlob, type FixtureBlob, type ScriptedRegistry } from "@darner/testkit";
import { LoopbackProcess } from "../../harness/loopback-process.ts";
import { Running } from "../../harness/running.ts";
import { until } from "../../harness/shell.ts";

const HOSTILE = fileURLToPath(new URL("../../../../daemon/test/hostile/hostile-host.ts", import.meta.url));
export const REPOSITORY = "team/app";

/** What the liar of a story is: see `HostilePlan` in the program itself. */
export type LiarPlan = {
  readonly lie: string;
  readonly blob: FixtureBlob;
  readonly registry?: string;
  readonly pieces?: readonly number[];
  readonly asPeer?: boolean;
  /** Which liar it is: the same name is the same host. */
  readonly name: string;
};

/** A hostile host in a process of its own. */
export type Liar = AsyncDisposable & { readonly host: string; log(): string };

/** How one pull ended. */
export type Pulled = { readonly status: number; readonly right: boolean; readonly bytes: number; readonly ms: number };

/** Two scripted registries (an honest and an evil one), a real scheduler and real daemons, each a process, and liars among them. */
export class HostileCluster implements AsyncDisposable {
  readonly registry: ScriptedRegistry;
  readonly evil: ScriptedRegistry;
  readonly scheduler: LoopbackProcess;
  readonly daemons: readonly LoopbackProcess[];
  readonly #dir: string;
  readonly #lives: AsyncDisposableStack;

  private constructor(
    parts: Pick<HostileCluster, "registry" | "evil" | "scheduler" | "daemons">,
    dir: string,
    lives: AsyncDisposableStack,
  ) {
    this.registry = parts.registry;
    this.evil = parts.evil;
    this.scheduler = parts.scheduler;
    this.daemons = parts.daemons;
    this.#dir = dir;
    this.#lives = lives;
  }

  static async open(count: number, extra: Readonly<Record<string, string>> = {}): Promise<HostileCluster> {
    await using births = new AsyncDisposableStack();
    const dir = mkdtempSync(join(tmpdir(), "darner-hostile-"));
    births.defer(() => {
      rmSync(dir, { recursive: true, force: true });
    });
    const [registry, evil] = [births.use(await openScriptedRegistry()), births.use(await openScriptedRegistry())];
    const scheduler = births.use(await LoopbackProcess.open("scheduler", join(dir, "scheduler"), { DARNER_JOIN_INSECURE: "true" }));
    const config = {
      DARNER_SCHEDULERS: JSON.stringify([scheduler.door("grpc")]),
      DARNER_REGISTRIES: JSON.stringify({ [registry.host]: { plainHttp: true }, [evil.host]: { plainHttp: true } }),
      DARNER_ADVERTISE: "127.0.0.1",
      DARNER_JOIN_INSECURE: "true",
      ...extra,
    };
    const daemons: LoopbackProcess[] = [];
    for (let at = 0; at < count; at++) {
      daemons.push(
        births.use(await LoopbackProcess.open("daemon", join(dir, `daemon-${String(at)}`), { ...config, DARNER_NAME: `d${String(at)}` })),
      );
    }
    for (const daemon of daemons) await until("a scheduler", async () => ((await statusOf(daemon)).scheduler === null ? undefined : true));
    return new HostileCluster({ registry, evil, scheduler, daemons }, dir, births.move());
  }

  /** A fresh blob in the honest registry. */
  push(seed: string, bytes: number): FixtureBlob {
    return this.registry.content.pushBlob(REPOSITORY, randomBlob(seed, bytes).bytes);
  }

  /** Starts a liar and waits until its session stands. */
  async liar({ lie, blob, registry = this.registry.host, pieces, asPeer = false, name }: LiarPlan): Promise<Liar> {
    const content = join(this.#dir, `${blob.digest.slice(7, 19)}.bin`);
    writeFileSync(content, blob.bytes);
    const plan = {
      lie,
      dir: join(this.#dir, `liar-${name}`),
      scheduler: this.scheduler.door("grpc"),
      registry,
      digest: blob.digest,
      content,
      pieces,
      asPeer,
    };
    const process_ = new Running({
      name: `liar ${lie}`,
      command: [process.execPath, "--conditions=source", HOSTILE],
      logFile: join(this.#dir, `liar-${name}-${blob.digest.slice(7, 19)}.log`),
      env: { HOSTILE_PLAN: JSON.stringify(plan) },
    });
    const host = await until(`the liar (${process_.log()})`, () => {
      if (!process_.alive) throw new Error(process_.log());
      return process_.log().includes("hostile ready") ? /"host":"([^"]+)"/.exec(process_.log())?.[1] : undefined;
    });
    return { host, log: () => process_.log(), [Symbol.asyncDispose]: () => process_.kill() };
  }

  /** Pulls a blob through one daemon's mirror and compares its bytes. */
  async pull(at: number, blob: FixtureBlob, registry: string = this.registry.host): Promise<Pulled> {
    const startedAt = performance.now();
    const url = `http://${this.#daemon(at).door("mirror")}/v2/${REPOSITORY}/blobs/${blob.digest}?ns=${registry}`;
    const response = await fetch(url);
    const bytes = await response.arrayBuffer().then(
      (body) => Buffer.from(body),
      () => Buffer.alloc(0),
    );
    const right = response.ok && bytes.equals(blob.bytes);
    return { status: response.status, right, bytes: bytes.length, ms: performance.now() - startedAt };
  }

  /** Pulls until it ends well, as containerd tries again; says how often it had to. */
  async pullWell(at: number, blob: FixtureBlob, registry?: string): Promise<Pulled & { readonly tries: number }> {
    for (let tries = 1; ; tries++) {
      const pulled = await this.pull(at, blob, registry);
      if (!pulled.right) console.log(`  pull ${String(tries)} at daemon ${String(at)}: ${JSON.stringify(pulled)}`);
      if (pulled.right || tries === 5) return { ...pulled, tries };
    }
  }

  /** Everybody pulls at once. */
  pullAll(blob: FixtureBlob): Promise<Pulled[]> {
    return Promise.all(this.daemons.map((_, at) => this.pull(at, blob)));
  }

  status(at: number): Promise<DaemonStatus> {
    return statusOf(this.#daemon(at));
  }

  /** What the scheduler's log says of faults of this blob. */
  faults(blob: FixtureBlob): { readonly host: string; readonly fault: string; readonly blocked: boolean; readonly time: string }[] {
    return this.scheduler
      .lines()
      .flatMap((line) => (line["message"] === "wrong word or wrong bytes" && line["task"] === blob.digest ? [line as never] : []));
  }

  /** Bytes the daemons read from registries, by cause, over all of them. */
  async sourceBytes(): Promise<Map<string, number>> {
    const sum = new Map<string, number>();
    for (const daemon of this.daemons) {
      const text = await (await fetch(`http://${daemon.door("metrics")}/metrics`)).text();
      for (const [, cause = "", value] of text.matchAll(/^darner_daemon_source_bytes_total\{cause="([^"]+)"\} ([0-9.e+]+)$/gm))
        sum.set(cause, (sum.get(cause) ?? 0) + Number(value));
    }
    return sum;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lives.disposeAsync();
  }

  #daemon(at: number): LoopbackProcess {
    const daemon = this.daemons[at];
    if (daemon === undefined) throw new Error(`there is no daemon ${String(at)}`);
    return daemon;
  }
}

async function statusOf(daemon: LoopbackProcess): Promise<DaemonStatus> {
  return (await (await fetch(`http://${daemon.door("admin")}/api/v1/status`)).json()) as DaemonStatus;
}
