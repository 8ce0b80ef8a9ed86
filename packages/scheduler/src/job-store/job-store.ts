import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Job, JobState } from "@darner/preheat";
import { StartError, type Logger } from "@darner/runtime";
import { Level } from "level";

/** What a job store is opened with. */
export type JobStoreConfig = {
  /** The scheduler's own directory. */
  readonly dataDir: string;
  /** Which of several schedulers this is, 0 to 15: it is in the ids that this one gives. */
  readonly ordinal: number;
  /** How long a job that is over is kept, in milliseconds. */
  readonly keepMs: number;
};

// Ids carry the scheduler that wrote the job: any other can tell whom to ask.
/** Of how many schedulers ids can tell. */
export const REPLICAS = 16;
// A job over a large cluster is some hundred KiB with its hosts; so many are kept beside those that run.
const MAX_JOBS = 10_000;
// The next id is written ahead by so many: a store that lost its last writes still gives no id twice.
const ID_AHEAD = 64;
const NEXT_ID = "meta/next";
// Keys sort as numbers: 2^53 has 16 digits.
const ID_DIGITS = 16;

/** Which scheduler wrote the job of an id. */
export function ordinalOf(id: number): number {
  return id % REPLICAS;
}

/**
 * Jobs in `level`: durable before they are told of, and still there after a kill at any instant. Kept in memory as well, because Harbor
 * asks every ten seconds for each; bounded by number and by age.
 */
export class JobStore implements AsyncDisposable {
  readonly #db: Level;
  readonly #config: JobStoreConfig;
  readonly #log: Logger;
  // At most MAX_JOBS, oldest first.
  readonly #jobs = new Map<number, Job>();
  #next = 1;
  #reserved = 0;
  #failure: string | undefined;

  private constructor(db: Level, config: JobStoreConfig, log: Logger) {
    this.#db = db;
    this.#config = config;
    this.#log = log;
  }

  /** Opens the store; one that is damaged is moved aside and begun anew. Rejects with `StartError`. */
  static async open(config: JobStoreConfig, log: Logger): Promise<JobStore> {
    const path = join(config.dataDir, "jobs");
    try {
      return await openAndLoad(path, config, log);
    } catch (error) {
      log.warn("the job store is damaged and is moved aside", { path, error: String(error) });
    }
    try {
      await rm(`${path}.damaged`, { recursive: true, force: true });
      await rename(path, `${path}.damaged`);
      return await openAndLoad(path, config, log);
    } catch (cause) {
      throw new StartError({ code: "file-unusable", path, key: "dataDir" }, `cannot keep jobs in ${path}: ${String(cause)}`, { cause });
    }
  }

  /** Opens the database that is there, for `open`. */
  static async load(db: Level, config: JobStoreConfig, log: Logger): Promise<JobStore> {
    const store = new JobStore(db, config, log);
    for await (const [key, value] of db.iterator()) store.#take(key, value);
    return store;
  }

  /** Why jobs cannot be written now; undefined where they can. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** The number that the next id is made of. */
  get next(): number {
    return this.#next;
  }

  /** Ids go on from this number where they are below it: newer jobs of several schedulers then have higher ids. */
  goOnFrom(next: number): void {
    if (Number.isSafeInteger(next * REPLICAS * 2)) this.#next = Math.max(this.#next, next);
  }

  /** Gives an id that no job of this store ever had. Rejects with the database's error. */
  async nextId(): Promise<number> {
    const id = this.#next;
    this.#next += 1;
    if (id >= this.#reserved) {
      this.#reserved = id + ID_AHEAD;
      await this.#write(NEXT_ID, String(this.#reserved));
    }
    return id * REPLICAS + this.#config.ordinal;
  }

  /** Keeps a job; resolves when it would survive a power cut. Rejects with the database's error, and the job is kept in memory all the same. */
  async keep(job: Job): Promise<void> {
    this.show(job);
    await this.#write(keyOf(job.id), JSON.stringify(job));
    await this.#prune(job.updatedAt);
  }

  /** Keeps a job in memory only: its progress, which is found out anew after a restart. */
  show(job: Job): void {
    this.#jobs.set(job.id, job);
  }

  get(id: number): Job | undefined {
    return this.#jobs.get(id);
  }

  /** Every job, newest first. */
  all(): Job[] {
    return [...this.#jobs.values()].sort((a, b) => b.id - a.id);
  }

  /** How many jobs there are in each state. */
  counts(): Readonly<Record<JobState, number>> {
    const counts = { pending: 0, running: 0, succeeded: 0, partial: 0, failed: 0, cancelled: 0 };
    for (const { state } of this.#jobs.values()) counts[state] += 1;
    return counts;
  }

  async remove(id: number): Promise<void> {
    this.#jobs.delete(id);
    await this.#db.del(keyOf(id), { sync: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#db.close();
  }

  #take(key: string, value: string): void {
    if (key === NEXT_ID) {
      this.#next = Number(value);
      return;
    }
    try {
      const job = JSON.parse(value) as Job;
      this.#jobs.set(job.id, job);
    } catch (error) {
      this.#log.warn("a job's record cannot be read and is left out", { key, error: String(error) });
    }
  }

  async #write(key: string, value: string): Promise<void> {
    try {
      await this.#db.put(key, value, { sync: true });
      this.#failure = undefined;
    } catch (error) {
      this.#failure = `the job store cannot be written (${String(error)}): look at the disk of dataDir`;
      throw error;
    }
  }

  /** Jobs that are over go when their time is over, or when there are too many, the oldest first. */
  async #prune(now: number): Promise<void> {
    const over = [...this.#jobs.values()]
      .filter(({ finishedAt }) => finishedAt !== undefined)
      .sort((a, b) => (a.finishedAt ?? 0) - (b.finishedAt ?? 0));
    const surplus = this.#jobs.size - MAX_JOBS;
    const gone = over.filter(({ finishedAt = 0 }, at) => at < surplus || finishedAt + this.#config.keepMs < now);
    for (const { id } of gone) await this.remove(id);
  }
}

async function openAndLoad(path: string, config: JobStoreConfig, log: Logger): Promise<JobStore> {
  const db = new Level<string, string>(path, { keyEncoding: "utf8", valueEncoding: "utf8" });
  await db.open();
  try {
    return await JobStore.load(db, config, log);
  } catch (error) {
    await db.close();
    throw error;
  }
}

function keyOf(id: number): string {
  return `job/${String(id).padStart(ID_DIGITS, "0")}`;
}
