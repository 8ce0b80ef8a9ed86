import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { darnerCommand } from "../../e2e/harness/darner-command.ts";
import { DarnerNode, MIRROR, READY_MS, startDarner } from "../../e2e/harness/darner-node.ts";
import type { NetworkHost } from "../../e2e/harness/network.ts";
import { Running } from "../../e2e/harness/running.ts";
import { run, until } from "../../e2e/harness/shell.ts";

/** The mirror on one node. */
export type NodeMirror = { readonly pid: number; kill(): Promise<void> };

/** Where a mirror is started, and what it should know. */
export type MirrorPlace = {
  readonly host: NetworkHost;
  readonly name: string;
  readonly dir: string;
  readonly registry: string;
  readonly isSeed: boolean;
};

/** A kind of mirror: Darner, or what the caller has a command for. */
export interface MirrorKind extends AsyncDisposable {
  readonly name: string;
  /** The processes that belong to no node. */
  readonly centralPids: readonly number[];
  /** Starts the mirror of a node; resolves when it answers. */
  start(place: MirrorPlace): Promise<NodeMirror>;
}

const MIRROR_URL = `http://${MIRROR}`;

/** Darner: a scheduler on a host of its own, a daemon on each node. */
export async function openDarner(schedulerHost: NetworkHost, dir: string): Promise<MirrorKind> {
  await using births = new AsyncDisposableStack();
  const scheduler = births.use(startDarner("scheduler", schedulerHost, join(dir, "scheduler"), {}));
  const isReady = async (): Promise<true | undefined> => {
    const { ok } = await run(["curl", "-sf", "http://127.0.0.1:4111/readyz"], { namespace: schedulerHost.namespace });
    return ok ? true : undefined;
  };
  await until("the scheduler to be ready", isReady, READY_MS);
  const tokenFile = join(dir, "join-token");
  const token = await run(darnerCommand("token", "create", "--dataDir", join(dir, "scheduler", "data")), {
    namespace: schedulerHost.namespace,
  });
  if (!token.ok) throw new Error(`no join token: ${token.stderr}`);
  writeFileSync(tokenFile, token.stdout, { mode: 0o600 });
  const lives = births.move();
  return {
    name: "Darner",
    centralPids: [scheduler.pid],
    async start({ host, name, dir: home, registry, isSeed }) {
      return lives.use(
        await DarnerNode.open(host, home, {
          DARNER_SCHEDULERS: JSON.stringify([`${schedulerHost.address}:4110`]),
          DARNER_REGISTRIES: JSON.stringify({ [registry]: { plainHttp: true } }),
          DARNER_NAME: name,
          DARNER_JOIN_TOKEN_FILE: tokenFile,
          DARNER_SEED: String(isSeed),
        }),
      );
    },
    [Symbol.asyncDispose]: () => lives.disposeAsync(),
  };
}

/**
 * A mirror by a command for bash, run on every node. What stands in braces is replaced: {listen} where it has to listen, {registry} what it
 * mirrors (plain HTTP), {address} the node's, {name} the node's, {dir} a directory of its own, {seed} `true` on a seed.
 */
export function openCommandMirror(template: string): MirrorKind {
  const lives = new AsyncDisposableStack();
  return {
    // Variables set in front of the command are not its name.
    name: template.split(" ").find((word) => word !== "env" && !word.includes("=")) ?? template,
    centralPids: [],
    async start({ host, name, dir, registry, isSeed }) {
      mkdirSync(dir, { recursive: true });
      const words = { listen: MIRROR, registry, address: host.address, name, dir, seed: String(isSeed) };
      const line = Object.entries(words).reduce((text, [word, value]) => text.replaceAll(`{${word}}`, value), template);
      const command = ["bash", "-c", `exec ${line}`];
      const running = lives.use(new Running({ name, command, logFile: join(dir, "mirror.log"), namespace: host.namespace }));
      await until(`the mirror of ${name} to answer (${running.logFile})`, async () => {
        if (!running.alive) throw new Error(`the mirror ended: ${running.log()}`);
        return (await run(["curl", "-s", "-o", "/dev/null", `${MIRROR_URL}/v2/`], { namespace: host.namespace })).ok ? true : undefined;
      });
      return running;
    },
    [Symbol.asyncDispose]: () => lives.disposeAsync(),
  };
}
