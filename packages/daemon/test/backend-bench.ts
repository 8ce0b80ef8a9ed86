import { digestOf, pieceCount, PieceSet, type Repository } from "@darner/domain";
import type { BlobFound, Caller, ManifestFound, Refused } from "@darner/mirror";
import { ImagePatterns, registryBehind } from "@darner/registry-client";
import { Secret } from "@darner/runtime";
import type { ScriptedRegistry } from "@darner/testkit";
import { Gate } from "../src/access/gate.ts";
import { Contents } from "../src/access/contents.ts";
import { ShownBytes } from "../src/access/shown-bytes.ts";
import { RecentNoes } from "../src/access/recent-noes.ts";
import { Rights, type RightsConfig } from "../src/access/rights.ts";
import type { BackendDeps } from "../src/backend/backend-deps.ts";
import { DaemonBackend } from "../src/backend/daemon-backend.ts";
import { MAX_MANIFEST_BYTES, openPeersBench, type PeersBench, type PeersPlan } from "./peers-bench.ts";

/** What a bench is to be like. */
export type BenchPlan = PeersPlan & { readonly allow?: readonly string[]; readonly rights?: Partial<RightsConfig> };

/** What stands behind the mirror of one host, with a scripted registry before it and a clock that stands still. */
export type BackendBench = PeersBench & {
  readonly backend: DaemonBackend;
  readonly rights: Rights;
  manifest(name: string, reference: string, ask?: Asking): Promise<ManifestFound | Refused>;
  blob(name: string, digest: string, ask?: Asking): Promise<BlobFound | Refused>;
  /** Requests for content that reached the registry, as `METHOD path-ending`. */
  asked(): string[];
};

/** How something is asked for. */
export type Asking = {
  readonly caller?: Caller;
  readonly accept?: readonly string[];
  readonly headOnly?: boolean;
  readonly signal?: AbortSignal;
  /** Another registry than the bench's own. */
  readonly from?: Pick<ScriptedRegistry, "host">;
};

/** How long rights count on a bench, in seconds. */
export const ACCESS = { mode: "upstream", grantSeconds: 300, publicSeconds: 900, graceSeconds: 3600 } as const;
export const TAG_TTL_MS = 30_000;

/** Opens a bench; `others` are further registries it may ask. */
export async function openBackendBench(plan: BenchPlan = {}, others: readonly ScriptedRegistry[] = []): Promise<BackendBench> {
  await using births = new AsyncDisposableStack();
  const bench = births.use(await openPeersBench(plan, others));
  const { registry, clock, log, peers, store, link } = bench;
  const [rights, contents] = [new Rights({ ...ACCESS, ...plan.rights }, clock), new Contents()];
  const gate = new Gate({
    registry: bench.client,
    rights,
    contents,
    noes: new RecentNoes(clock, ACCESS.graceSeconds * 1000),
    metrics: bench.daemonMetrics,
    hasOwnCredential: () => false,
    held: (digest) => store.findComplete(digest),
  });
  const behind = registryBehind(bench.registries);
  const deps: BackendDeps = {
    gate,
    rights,
    contents,
    shown: new ShownBytes(bench.client, behind, log),
    registry: bench.client,
    registryBehind: behind,
    store,
    peers,
    buffers: bench.buffers,
    timers: clock,
    log,
    metrics: bench.daemonMetrics,
    books: bench.books,
    poisoned: (digest) => void bench.poisoned.push(digest),
    maxManifestBytes: plan.maxManifestBytes ?? MAX_MANIFEST_BYTES,
    tagTtlMs: TAG_TTL_MS,
    graceMs: ACCESS.graceSeconds * 1000,
    announceComplete: (task, name) => {
      link.announce({ task, proven: true, have: PieceSet.full(pieceCount(task.size)), registry: name });
    },
  };
  const backend = births.use(new DaemonBackend(deps, new ImagePatterns(plan.allow ?? ["**"])));
  const lives = births.move();
  return {
    ...bench,
    backend,
    rights,
    manifest: (name, reference, ask = {}) => backend.manifest({ ...asking(registry, name, ask), reference, accept: ask.accept ?? ["*/*"] }),
    blob: (name, digest, ask = {}) => backend.blob({ ...asking(registry, name, ask), digest: digestOf(digest) }),
    asked: () =>
      registry.requests
        .filter(({ kind }) => kind === "blob" || kind === "manifest")
        .map(
          ({ method, path, range }) =>
            `${method} ${path.split("/").slice(-2).join("/").slice(0, 24)}${range === undefined ? "" : ` ${range}`}`,
        ),
    [Symbol.asyncDispose]: () => lives.disposeAsync(),
  };
}

function asking(registry: ScriptedRegistry, name: string, ask: Asking): AskedOf {
  return {
    repository: { registry: (ask.from ?? registry).host, name },
    caller: ask.caller ?? {},
    headOnly: ask.headOnly ?? false,
    signal: ask.signal ?? new AbortController().signal,
  };
}

type AskedOf = { readonly repository: Repository; readonly caller: Caller; readonly headOnly: boolean; readonly signal: AbortSignal };

/** A caller with a token that the registry's own token service gave out. */
export async function tokenOf(registry: ScriptedRegistry, name: string, user: string, password: string): Promise<Caller> {
  const basic = Buffer.from(`${user}:${password}`).toString("base64");
  const answer = await fetch(`${registry.origin}/token?scope=repository:${name}:pull`, { headers: { authorization: `Basic ${basic}` } });
  const { token } = (await answer.json()) as { token: string };
  return { authorization: new Secret(`Bearer ${token}`) };
}

/** The blob that was found; fails where it was refused. */
export function found<Found extends { kind: string }>(answer: Found | Refused): Exclude<Found, Refused> {
  if (answer.kind === "refused") throw new Error(`refused with ${String((answer as Refused).status)}: ${(answer as Refused).message}`);
  return answer as Exclude<Found, Refused>;
}

/** Status and code of a refusal; fails where something was found. */
export function refusal(answer: { kind: string }): readonly [number, string] {
  if (answer.kind !== "refused") throw new Error("it was not refused");
  const { status, code } = answer as Refused;
  return [status, code];
}
