import { parseReference } from "@darner/domain";
import type { ImageReference, Jobs, Scope } from "@darner/preheat";
import { StartError, type Logger, type ScheduleConfig } from "@darner/runtime";
import { Cron } from "croner";

/** What schedules work with. */
export type ScheduleDeps = {
  readonly jobs: Pick<Jobs, "create">;
  readonly log: Logger;
  /** Whether this scheduler is the one that acts now; a standby lets the hour pass. */
  readonly isActive?: () => boolean;
};

const SCOPES: Readonly<Record<ScheduleConfig["scope"], Scope>> = {
  single_seed_peer: { kind: "single-seed" },
  all_seed_peers: { kind: "all-seeds" },
  all_peers: { kind: "all-hosts" },
};
// A nightly list may take as long as the night has hours.
const DEADLINE_MS = 6 * 3600_000;

/** Preheats lists of images by the clock, until it is disposed. Throws `StartError` where a schedule is none. */
export function startSchedules(schedules: readonly ScheduleConfig[], deps: ScheduleDeps): Disposable {
  const started: Cron[] = [];
  const stop = (): void => {
    for (const cron of started) cron.stop();
  };
  try {
    for (const [at, schedule] of schedules.entries()) started.push(startOne(at, schedule, deps));
  } catch (error) {
    stop();
    throw error;
  }
  return { [Symbol.dispose]: stop };
}

function startOne(at: number, { cron, timezone = "UTC", images, scope }: ScheduleConfig, deps: ScheduleDeps): Cron {
  const where = `preheat.schedules[${String(at)}]`;
  const references = images.map((image) => referenceOf(image, where));
  const fire = (): void => void preheat(references, SCOPES[scope], where, deps);
  try {
    // A job that is late because the machine slept is not made up for: the next one comes anyway.
    return new Cron(cron, { timezone, unref: true, protect: true }, fire);
  } catch (cause) {
    throw wrong(`${where}.cron`, `"${cron}" in ${timezone} is no schedule: ${String(cause)}`, cause);
  }
}

async function preheat(
  images: readonly ImageReference[],
  scope: Scope,
  where: string,
  { jobs, log, isActive }: ScheduleDeps,
): Promise<void> {
  if (isActive?.() === false || images.length === 0) return;
  try {
    const request = { images, scope, priority: 0, deadlineMs: DEADLINE_MS, pinMs: 0, requireAll: false, via: "schedule" } as const;
    const { id } = await jobs.create(request);
    log.info("scheduled preheat begun", { schedule: where, job: id, images: images.length });
  } catch (error) {
    log.error("scheduled preheat could not begin", { schedule: where, error });
  }
}

function referenceOf(text: string, where: string): ImageReference {
  const reference = parseReference(text);
  if (reference === undefined) throw wrong(`${where}.images`, `"${text}" is no image: [registry/]name[:tag][@digest]`);
  const { registry, name, tag, digest } = reference;
  return { repository: { registry, name }, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

function wrong(key: string, message: string, cause?: unknown): StartError {
  return new StartError({ code: "config-invalid" }, `${key}: ${message}`, { cause });
}
