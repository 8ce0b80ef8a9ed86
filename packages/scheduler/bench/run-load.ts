import { fork, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { drawToken, openSigningKey, SCHEDULER_DIR, TokenFile } from "@darner/membership";
import type { LoadPlan, LoadResult } from "./load/client.ts";
import { cpuOf, machineCpu, peakMibOf, pinApart, waitedOf } from "./process-figures.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** One load on one server. */
export type Load = {
  readonly name: string;
  /** `members`: a scheduler as it comes, TLS 1.3 and members only; `open`: everybody let in, plain; `bare`: grpc-js alone, plain. */
  readonly server: "members" | "open" | "bare";
  readonly sessions: number;
  readonly reportsPerSecond: number;
  readonly piecesAReport: number;
  readonly seconds: number;
};

/** What came of it. */
export type Measured = LoadResult & {
  readonly load: Load;
  readonly cpuSeconds: number;
  readonly peakMib: number;
  readonly wallSeconds: number;
  readonly othersShare: number;
  /** How long the server's main thread would have run and got no processor: what of the latency is the machine's. */
  readonly waitedSeconds: number;
  readonly isPinned: boolean;
};

type Started = AsyncDisposable & { readonly server: ChildProcess; readonly address: string; readonly ticket?: LoadPlan["ticket"] };

/** Runs one load against a server of its own. */
export async function runLoad(load: Load): Promise<Measured> {
  await using lives = new AsyncDisposableStack();
  const { server, address, ticket } = lives.use(await startServer(load));
  const { sessions, reportsPerSecond, seconds, piecesAReport } = load;
  const plan: LoadPlan = { address, sessions, reportsPerSecond, seconds, piecesAReport, ...(ticket === undefined ? {} : { ticket }) };
  const client = fork(here("./load/client.ts"), [JSON.stringify(plan)], { execArgv: ["--conditions=source"] });
  lives.defer(() => void client.kill("SIGKILL"));
  const isPinned = pinApart(server, client);
  await messageOf(client, server);
  const before = {
    cpu: cpuOf(server),
    own: cpuOf(server) + cpuOf(client),
    waited: waitedOf(server),
    at: performance.now(),
    all: machineCpu(),
  };
  const result = messageOf(client, server);
  client.send("go");
  const said = (await result) as LoadResult;
  const wallSeconds = (performance.now() - before.at) / 1000;
  const own = cpuOf(server) + cpuOf(client) - before.own;
  const measured = {
    ...said,
    load,
    isPinned,
    wallSeconds,
    cpuSeconds: cpuOf(server) - before.cpu,
    peakMib: peakMibOf(server),
    waitedSeconds: waitedOf(server) - before.waited,
    othersShare: (machineCpu() - before.all - own) / (wallSeconds * availableParallelism()),
  };
  client.disconnect();
  return measured;
}

async function startServer({ server: kind }: Load): Promise<Started> {
  await using births = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), "darner-bench-"));
  births.defer(() => {
    rmSync(dir, { recursive: true });
  });
  const ticket = kind === "members" ? await writeToken(dir) : undefined;
  const listens = ["--dataDir", dir, "--listen.grpc", "127.0.0.1:0", "--listen.http", "127.0.0.1:0"];
  const scheduler = [here("../../cli/src/main.ts"), "scheduler", ...listens, "--join.insecure", String(kind === "open")];
  const flags = process.env["BENCH_NODE_FLAGS"]?.split(" ") ?? [];
  const args = [...flags, "--conditions=source", ...(kind === "bare" ? [here("../test/grpc/bare-server.ts")] : scheduler)];
  const server = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "pipe"] });
  births.defer(async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill("SIGTERM");
    await once(server, "exit");
  });
  const address = await addressOf(server);
  const lives = births.move();
  return { server, address, ...(ticket === undefined ? {} : { ticket }), [Symbol.asyncDispose]: () => lives.disposeAsync() };
}

async function writeToken(dataDir: string): Promise<NonNullable<LoadPlan["ticket"]>> {
  const dir = join(dataDir, SCHEDULER_DIR);
  const { publicKey } = await openSigningKey(dir, undefined);
  const { id, secret } = drawToken(publicKey);
  await new TokenFile(join(dir, "join-tokens.json")).add({ signingKey: publicKey, id, secret }, { description: "" }, Date.now());
  return { signingKey: Buffer.from(publicKey).toString("base64"), tokenId: id, tokenSecret: secret.reveal() };
}

/** The next message of a client; rejects where it or the server ends by itself. */
async function messageOf(client: ChildProcess, server: ChildProcess): Promise<unknown> {
  const over = new AbortController();
  const { signal } = over;
  const ended = async (child: ChildProcess, name: string): Promise<never> => {
    const [code, by] = (await once(child, "exit", { signal })) as [number | null, string | null];
    throw new Error(`the ${name} ended by itself: ${by ?? String(code)}`);
  };
  const said = async (): Promise<unknown> => ((await once(client, "message", { signal })) as [unknown])[0];
  try {
    return await Promise.race([said(), ended(client, "client"), ended(server, "server")]);
  } finally {
    over.abort();
  }
}

async function addressOf(server: ChildProcess): Promise<string> {
  if (server.stderr === null) throw new Error("the server has no standard error");
  const lines = createInterface({ input: server.stderr });
  return new Promise((resolve, reject) => {
    server.once("exit", () => {
      reject(new Error("the server did not start"));
    });
    lines.on("line", (line) => {
      const { message, grpc, level } = JSON.parse(line) as { message?: string; grpc?: string; level?: string };
      if (level === "error") console.error(line);
      if (message === "scheduler ready" && grpc !== undefined) resolve(grpc);
    });
  });
}
