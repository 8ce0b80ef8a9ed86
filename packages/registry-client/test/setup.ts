import assert from "node:assert/strict";
import type { Digest, Repository } from "@darner/domain";
import { openRegistryClient } from "@darner/registry-client";
import type {
  Authority,
  BlobRead,
  RegistryClient,
  RegistryClientConfig,
  RegistryClientDeps,
  RegistryEntry,
  RequestFinished,
} from "@darner/registry-client";
import { RegistryError, type RegistryFailure } from "@darner/registry-client";
import { Secret } from "@darner/runtime";
import type { Timers } from "@darner/runtime";
import {
  capturedLog,
  openScriptedRegistry,
  type CapturedLog,
  type FixtureBlob,
  type LoggedRequest,
  type ScriptedRegistry,
  type ScriptedRegistryPlan,
} from "@darner/testkit";

/** A registry and a client that may speak to it and to the host its redirects lead to. */
export type Bench = AsyncDisposable & {
  readonly registry: ScriptedRegistry;
  readonly client: RegistryClient;
  readonly log: CapturedLog;
  readonly events: RequestFinished[];
  repository(name: string): Repository;
};

/** What differs from the usual bench. */
export type BenchPlan = {
  readonly registry?: ScriptedRegistryPlan;
  readonly entry?: RegistryEntry;
  readonly config?: RegistryClientConfig;
  readonly deps?: Partial<RegistryClientDeps>;
};

/** Timers that fire at once: pauses between tries take no time. */
export const hasty: Timers = {
  now: () => performance.now(),
  setTimeout: (run) => {
    const handle = setImmediate(run);
    return () => {
      clearImmediate(handle);
    };
  },
};

/** The user the bench's private registries know. */
export const ada: { readonly username: string; readonly password: Secret } = { username: "ada", password: new Secret("pass:word") };

export const anonymous: Authority = { kind: "anonymous" };
export const own: Authority = { kind: "own" };

/** The header value as a caller's own credential. */
export function caller(authorization: string): Authority {
  return { kind: "caller", authorization: new Secret(authorization) };
}

/** Opens a registry on loopback and a client for which it is listed. */
export async function openBench(plan: BenchPlan = {}): Promise<Bench> {
  const registry = await openScriptedRegistry(plan.registry);
  const [log, events]: [CapturedLog, RequestFinished[]] = [capturedLog(), []];
  const plainHttp = plan.registry?.tls === undefined;
  const registries = { [registry.host]: { plainHttp, ...plan.entry }, [registry.secondHost]: { plainHttp }, ...plan.config?.registries };
  const client = openRegistryClient(
    { ...plan.config, registries },
    { log, timers: hasty, observe: (event) => events.push(event), ...plan.deps },
  );
  const close = async (): Promise<void> => {
    await client.close();
    await registry.close();
  };
  return { registry, client, log, events, repository: (name) => ({ registry: registry.host, name }), [Symbol.asyncDispose]: close };
}

/** Reads a blob (or a range of it) into memory, checking that bytes come in order, each once. */
export async function read(bench: Bench, blob: FixtureBlob, more: Partial<BlobRead> = {}): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const range = more.range ?? { start: 0, end: blob.size };
  let next = range.start;
  await bench.client.readBlob(blobRead(bench, blob, more), (bytes, offset) => {
    assert.equal(offset, next);
    next += bytes.length;
    parts.push(Uint8Array.from(bytes));
  });
  return Buffer.concat(parts);
}

/** The request for a whole blob of `team/app`. */
export function blobRead(bench: Bench, blob: { readonly digest: Digest; readonly size: number }, more: Partial<BlobRead> = {}): BlobRead {
  const { digest, size } = blob;
  const range = { start: 0, end: size };
  const signal = new AbortController().signal;
  return { repository: bench.repository("team/app"), kind: "blob", digest, range, size, authority: anonymous, signal, ...more };
}

/** Waits for a rejection with this code and gives its detail. */
export async function failure<Code extends RegistryFailure["code"]>(
  promise: Promise<unknown>,
  code: Code,
): Promise<Extract<RegistryFailure, { readonly code: Code }>> {
  const error = await promise.then(
    () => assert.fail(`expected ${code}, but it succeeded`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof RegistryError, `expected ${code}, not ${String(error)}`);
  assert.equal(error.detail.code, code, JSON.stringify(error.detail));
  return error.detail as Extract<RegistryFailure, { readonly code: Code }>;
}

/** The requests of one kind, as method, host and Range. */
export function asked(bench: Bench, kind: LoggedRequest["kind"]): string[] {
  return bench.registry.requests
    .filter((request) => request.kind === kind)
    .map(({ method, host, range }) => [method, host, ...(range === undefined ? [] : [range])].join(" "));
}
