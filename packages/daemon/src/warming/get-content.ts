import { createHash } from "node:crypto";
import { digestAlgorithm, digestEncoded, type Repository, type Task } from "@darner/domain";
import type { Authority } from "@darner/registry-client";
import { BlobFailure } from "../peers/blob-failure.ts";
import type { BlobStream } from "../peers/blob-stream.ts";
import type { BlobWish } from "../peers/blob-wish.ts";
import type { PeerTable, ReadableBlob } from "../peers/peer-table.ts";
import type { SourceLocation } from "../source/source-location.ts";
import type { BlobStore } from "../store/store.ts";
import { warmFailure } from "./warm-failure.ts";
import type { WantedContent } from "./warm-queue.ts";

/** What getting a content works with. */
export type GetDeps = {
  readonly store: Pick<BlobStore, "put">;
  readonly peers: Pick<PeerTable, "open" | "whenOver">;
  /** Which registry a name stands for. */
  readonly registryBehind: (registry: string) => string;
  readonly hasOwnCredential: (repository: Repository) => boolean;
  readonly announceComplete: (task: Task, registry: string) => void;
};

// What another credential may be given.
const MAY_BE_ANOTHERS: readonly string[] = ["elsewhere", "absent"];

/** Gets one content whole onto this host: from the bytes that came with the order, else through the swarm. Rejects with what went wrong, or the signal's reason. */
export async function getContent(wanted: WantedContent, deps: GetDeps, signal: AbortSignal): Promise<void> {
  if (await takeInline(wanted, deps)) return;
  const sources = sourcesOf(wanted, deps);
  for (const [at, source] of sources.entries()) {
    try {
      await fetchThrough(source, wanted, deps, signal);
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (at === sources.length - 1 || !MAY_BE_ANOTHERS.includes(warmFailure(error).then)) throw error;
    }
  }
}

/** A small manifest came with its order: its digest is checked here, whoever sent it. */
async function takeInline({ content: { task, mediaType, repository, bytes } }: WantedContent, deps: GetDeps): Promise<boolean> {
  if (bytes?.length !== task.size) return false;
  if (createHash(digestAlgorithm(task.digest)).update(bytes).digest("hex") !== digestEncoded(task.digest)) return false;
  const registry = deps.registryBehind(repository.registry);
  await deps.store.put(task, bytes, { mediaType, registry });
  deps.announceComplete(task, registry);
  return true;
}

/** Where it may be read from: with each job's credential in that job's repository, then with Darner's own; nowhere where no job allows it. */
function sourcesOf({ content: { kind }, wishes }: WantedContent, deps: GetDeps): readonly (SourceLocation | undefined)[] {
  const all = [...wishes.values()];
  const given = all.flatMap(({ repository, authorization }): SourceLocation[] =>
    authorization === undefined ? [] : [{ repository, kind, authority: { kind: "caller", authorization } }],
  );
  const own: Authority = { kind: "own" };
  const unasked = all.find(({ repository, mayRead }) => mayRead || given.length > 0 || deps.hasOwnCredential(repository));
  const sources = unasked === undefined ? given : [...given, { repository: unasked.repository, kind, authority: own }];
  return sources.length === 0 ? [undefined] : sources;
}

async function fetchThrough(
  source: SourceLocation | undefined,
  { content: { task, mediaType, kind, repository } }: WantedContent,
  { peers, registryBehind }: GetDeps,
  signal: AbortSignal,
): Promise<void> {
  const facts = { registry: registryBehind(repository.registry), ...(kind === "manifest" ? { mediaType } : {}) };
  const blob = await openOwn(peers, task, { source, priority: "preheat", facts });
  if (blob === undefined) return;
  const stream = blob.openStream(undefined, "inside");
  const leave = (): void => {
    stream.close();
    blob.abandon();
  };
  signal.addEventListener("abort", leave, { once: true });
  if (signal.aborted) leave();
  try {
    await passWhole(stream, blob);
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", leave);
    leave();
  }
}

/**
 * Opens what comes through the job's registry. Bytes that came through another are that one's: a job under a foreign name takes no part in them.
 * Where they are proven this host has what the job wants, and waits until they are in their place (undefined); who asks for them in the job's
 * registry's name later still has to be shown them by it.
 */
async function openOwn(peers: GetDeps["peers"], task: Task, wish: BlobWish): Promise<ReadableBlob | undefined> {
  try {
    return await peers.open(task, { ...wish, ownOnly: true });
  } catch (error) {
    if (!(error instanceof BlobFailure) || error.detail.code !== "not-shown") throw error;
  }
  await peers.whenOver(task);
  return undefined;
}

async function passWhole(stream: BlobStream, blob: ReadableBlob): Promise<void> {
  while (await stream.pass());
  await blob.settled();
}
