import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { darnerCommand } from "../../e2e/harness/darner-command.ts";
import { LoopbackProcess } from "../../e2e/harness/loopback-process.ts";
import { must, until } from "../../e2e/harness/shell.ts";
import type { Setting } from "./settings.ts";

/** A scheduler and two daemons, each a process. */
export type Swarm = AsyncDisposable & {
  /** Their process ids, by what they are in a pull. */
  readonly pids: Readonly<Record<"scheduler" | "parent" | "child", readonly number[]>>;
  /** The mirrors of the two daemons. */
  readonly parent: string;
  readonly child: string;
};

// Room for the blob of this round and the one before; older ones make place.
const STORE_BYTES = "600MiB";

/** Everything is on by default, and has to be switched off. */
const SWITCHES: Readonly<Record<Setting, Readonly<Record<string, string>>>> = {
  on: { DARNER_JOIN_INSECURE: "false", DARNER_PIECES_ENCRYPTION: "tls", DARNER_ACCESS_MODE: "upstream" },
  "plain bytes": { DARNER_JOIN_INSECURE: "false", DARNER_PIECES_ENCRYPTION: "none", DARNER_ACCESS_MODE: "upstream" },
  off: { DARNER_JOIN_INSECURE: "true", DARNER_PIECES_ENCRYPTION: "none", DARNER_ACCESS_MODE: "open" },
  "off again": { DARNER_JOIN_INSECURE: "true", DARNER_PIECES_ENCRYPTION: "none", DARNER_ACCESS_MODE: "open" },
};

/** Starts a swarm that reads from this registry. */
export async function openSwarm(setting: Setting, registry: string): Promise<Swarm> {
  await using births = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), "darner-bench-security-"));
  births.defer(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  const switches = SWITCHES[setting];
  const scheduler = births.use(await LoopbackProcess.open("scheduler", join(dir, "scheduler"), switches));
  const tokenFile = join(dir, "token");
  writeFileSync(tokenFile, await must(darnerCommand("token", "create", "--dataDir", join(dir, "scheduler", "data"))), { mode: 0o600 });
  const config = {
    ...switches,
    ...(switches["DARNER_JOIN_INSECURE"] === "false" ? { DARNER_JOIN_TOKEN_FILE: tokenFile } : {}),
    DARNER_SCHEDULERS: JSON.stringify([scheduler.door("grpc")]),
    DARNER_ADVERTISE: "127.0.0.1",
    DARNER_REGISTRIES: JSON.stringify({ [registry]: { plainHttp: true } }),
    DARNER_STORE_SCRUB_BYTES_PER_SECOND: "0",
    DARNER_STORE_MAX_BYTES: STORE_BYTES,
  };
  const open = async (name: string): Promise<LoopbackProcess> => {
    const daemon = births.use(await LoopbackProcess.open("daemon", join(dir, name), { ...config, DARNER_NAME: name }));
    await until("the scheduler to be found", async () => {
      const status = await (await fetch(`http://${daemon.door("admin")}/api/v1/status`)).text();
      return status.includes('"scheduler":null') ? undefined : true;
    });
    return daemon;
  };
  const [parent, child] = [await open("parent"), await open("child")];
  const lives = births.move();
  return {
    pids: { scheduler: [scheduler.pid], parent: [parent.pid], child: [child.pid] },
    parent: parent.door("mirror"),
    child: child.door("mirror"),
    [Symbol.asyncDispose]: () => lives.disposeAsync(),
  };
}
