import type { Digest } from "@darner/domain";
import type { Config, Logger } from "@darner/runtime";
import type { DaemonMetrics } from "../metrics.ts";
import { openContentClient, type ContentClient } from "./content-client.ts";

/** Told of a blob that was found to be wrong after bytes of it were given to a client. Never throws. */
export type OnPoisoned = (digest: Digest) => void;

/** What aborting works with. */
export type IngestAbortDeps = { readonly log: Logger; readonly metrics: Pick<DaemonMetrics, "ingestsAborted"> };

/** Aborts the ingests that hold wrong bytes; `poisoned` returns at once. */
export type IngestAbort = AsyncDisposable & { readonly poisoned: OnPoisoned };

// containerd answers in milliseconds; under load a disk may keep it. What is later than that would hit the ingests of later pulls.
const ABORT_MS = 5000;
// Each is a blob that turned out to be wrong within the last five seconds.
const MAX_RUNNING = 64;
// A namespace has one ingest of a digest for each kind of ref; containerd itself makes one or two.
const MAX_REFS = 16;

/** Opens it for the containerd of the configuration; without one it does nothing. */
export function openIngestAbort({ address, namespaces }: Config["containerd"], deps: IngestAbortDeps): IngestAbort {
  if (address === undefined) return { poisoned: () => undefined, [Symbol.asyncDispose]: () => Promise.resolve() };
  const client = openContentClient(address);
  const running = new Set<Promise<void>>();
  const abortIn = (namespace: string, digest: Digest, deadline: number): Promise<void> =>
    abortIngests(client, namespace, digest, deadline, deps).catch((error: unknown) => {
      deps.log.warn("a client's half-written blob with wrong bytes could not be aborted: remove the ingest by hand (ctr content ingest)", {
        task: digest,
        namespace,
        containerd: address,
        error,
      });
    });
  return {
    poisoned: (digest) => {
      if (running.size >= MAX_RUNNING) {
        deps.log.warn("too many blobs are wrong at once: the ingests of this one are left", { task: digest });
        return;
      }
      const deadline = Date.now() + ABORT_MS;
      const aborted = Promise.all(namespaces.map((namespace) => abortIn(namespace, digest, deadline))).then(() => undefined);
      running.add(aborted);
      void aborted.then(() => running.delete(aborted));
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(running);
      client[Symbol.dispose]();
    },
  };
}

async function abortIngests(
  client: ContentClient,
  namespace: string,
  digest: Digest,
  deadline: number,
  { log, metrics }: IngestAbortDeps,
): Promise<void> {
  const refs = (await client.ingests(namespace, deadline)).filter((ref) => ref.includes(digest));
  for (const ref of refs.slice(0, MAX_REFS)) {
    if (!(await client.abort(namespace, ref, deadline))) continue;
    metrics.ingestsAborted.inc();
    log.warn("ingest with wrong bytes aborted: the next pull begins this blob again", { task: digest, namespace, ref });
  }
}
