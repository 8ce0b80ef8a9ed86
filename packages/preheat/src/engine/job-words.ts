import type { Digest } from "@darner/domain";
import type { HostFailure, Job } from "../job.ts";
import type { WarmContent } from "./effect.ts";
import type { TargetBook } from "./target-book.ts";

/** A scheduler is one of Dragonfly's clusters, and calls itself the first. */
export const CLUSTER = 1;

/** What no host of the scope could be found for. */
export const NOBODY =
  "no host of the asked scope has a session with this scheduler: check that the daemons run and are members (darner hosts list)";

/** Why a job that was under way when the scheduler ended may not be let in any more. */
export const CREDENTIAL_LOST =
  "the token that came with the job ended with the scheduler that took it, and Darner's own credential was used: start the job again, or configure one";

/** The rows of what hosts could not get. */
export function failuresOf(targets: TargetBook, contents: ReadonlyMap<Digest, WarmContent>): HostFailure[] {
  if (targets.count("failed") === 0) return [];
  const rows: HostFailure[] = [];
  for (const target of targets.all()) {
    if (target.state !== "failed") continue;
    const { host, name: hostName, ip } = target.about;
    for (const { digest, reason = "the host left and did not come back" } of target.missing()) {
      const content = contents.get(digest);
      const url = content === undefined ? digest : urlOf(content);
      rows.push({ host, hostName, ip, cluster: CLUSTER, url, description: reason });
    }
  }
  return rows;
}

/** Why a job failed of which no host has everything. */
export function nobodyGotIt(job: Job, failures: readonly HostFailure[]): string {
  const [first] = failures;
  if (first === undefined) return `${namesOf(job)}: no host is left that could run it`;
  return `${namesOf(job)}: no host could get it; ${first.hostName}: ${first.description}`;
}

/** Why a job failed that wants every host to have everything; empty where all have. */
export function notAllGotIt(job: Job, failures: readonly HostFailure[]): string[] {
  const [first] = failures;
  if (first === undefined) return [];
  const hosts = String(new Set(failures.map(({ host }) => host)).size);
  return [`${namesOf(job)}: ${hosts} hosts could not get all of it; ${first.hostName}: ${first.description}`];
}

/** What is missing at a job's deadline. */
export function overdue(job: Job, targets: TargetBook, isAnybodyMeant: boolean): string {
  const time = durationText(job.request.deadlineMs);
  if (targets.size === 0) return isAnybodyMeant ? `${namesOf(job)}: not begun within ${time}: the registry gave no answer` : NOBODY;
  const open = [...targets.all()].filter(({ state }) => state !== "complete");
  const [first] = open;
  const lacks = first === undefined ? "" : `; ${first.about.name} lacks ${String(first.missing().length)} contents`;
  return `${namesOf(job)}: not done within ${time}: ${String(open.length)} of ${String(targets.size)} hosts are not complete${lacks}`;
}

// A task log names what failed; a long list of images is in the job itself.
const MAX_NAMES = 3;

function namesOf({ request: { images } }: Job): string {
  const names = images
    .slice(0, MAX_NAMES)
    .map(({ repository, tag, digest }) => `${repository.registry}/${repository.name}${suffix(tag, digest)}`);
  return `${names.join(", ")}${images.length > MAX_NAMES ? ` and ${String(images.length - MAX_NAMES)} more` : ""}`;
}

function durationText(ms: number): string {
  return ms < 120_000 ? `${String(Math.round(ms / 1000))} seconds` : `${String(Math.round(ms / 60_000))} minutes`;
}

/** The URL of a content at its registry. */
export function urlOf({ kind, digest, repository, scheme }: WarmContent): string {
  return `${scheme}://${repository.registry}/v2/${repository.name}/${kind === "blob" ? "blobs" : "manifests"}/${digest}`;
}

function suffix(tag: string | undefined, digest: string | undefined): string {
  return `${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}
