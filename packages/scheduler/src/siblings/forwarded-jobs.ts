import {
  JobError,
  type ImageDistribution,
  type ImageReference,
  type Job,
  type JobCredential,
  type JobErrorDetail,
  type JobFilter,
  type JobRequest,
  type Jobs,
} from "@darner/preheat";
import { sleep, type Counter, type Logger, type Timers } from "@darner/runtime";
import { ordinalOf } from "../job-store/job-store.ts";
import type { AbsentJobs } from "./absent-jobs.ts";
import type { Answer, Question } from "./question.ts";
import type { SiblingBook } from "./sibling-book.ts";
import { SiblingAbsent, type AskOptions, type Patience, type SiblingLink } from "./sibling-link.ts";

/** What forwarding works with. */
export type ForwardedJobsDeps = {
  /** This scheduler's own jobs. */
  readonly local: Jobs;
  readonly ordinal: number;
  /** Hosts that follow this scheduler. */
  readonly followers: () => number;
  readonly book: SiblingBook;
  readonly link: SiblingLink;
  readonly absent: AbsentJobs;
  readonly patience: Patience;
  readonly timers: Timers;
  readonly log: Logger;
  readonly forwarded: Counter<"question" | "outcome">;
};

// A scheduler that is started again is ready within seconds.
const LOOK_AGAIN_MS = 1000;

/**
 * The jobs of all schedulers of the cluster, whichever is asked: a job belongs to the scheduler that took it, its id says which. A new job
 * goes to the one that hosts follow. What cannot be forwarded is taken or told here: no face hears that there are several.
 */
export class ForwardedJobs implements Jobs {
  readonly #deps: ForwardedJobsDeps;

  constructor(deps: ForwardedJobsDeps) {
    this.#deps = deps;
  }

  readiness(): ReturnType<Jobs["readiness"]> {
    return this.#deps.local.readiness();
  }

  async create(request: JobRequest, credential?: JobCredential): Promise<Job> {
    const { local, book, followers, patience, log } = this.#deps;
    const active = followers() > 0 ? undefined : await book.followed();
    if (active === undefined || !this.#mayGo(active, credential)) return local.create(request, credential);
    const authorization = credential === undefined ? {} : { authorization: credential.authorization };
    try {
      const answer = await this.#ask(active, { type: "create", request }, { timeoutMs: patience.createMs, ...authorization });
      if (answer.type === "job" && answer.job !== undefined) return this.#heard(answer.job);
      log.warn("the active scheduler did not take a job, it is taken here", { address: active, answer: answer.type });
    } catch (error) {
      if (!(error instanceof SiblingAbsent)) throw error;
      log.warn("the active scheduler does not answer, a job is taken here", { address: active });
    }
    return local.create(request, credential);
  }

  async get(id: number): Promise<Job | undefined> {
    const writer = await this.#writerOf(id);
    if (writer === "here" || writer === "nobody") return this.#deps.local.get(id);
    if (writer === "absent") return this.#deps.absent.show(id);
    try {
      const answer = await this.#ask(writer.address, { type: "get", id });
      const job = answer.type === "job" ? answer.job : undefined;
      if (job === undefined) this.#deps.absent.forget(id);
      return job === undefined ? undefined : this.#heard(job);
    } catch (error) {
      if (!(error instanceof SiblingAbsent)) throw error;
      return this.#deps.absent.show(id);
    }
  }

  async list(filter: JobFilter): Promise<readonly Job[]> {
    const { local, book } = this.#deps;
    const others = book.others.map(({ address }) => this.#listAt(address, filter));
    const lists = await Promise.all([local.list(filter), ...others]);
    // Its own address may be among the others before it is known for it: one job is listed once.
    const byId = new Map(lists.flat().map((job) => [job.id, job]));
    return [...byId.values()].sort((a, b) => b.id - a.id).slice(0, filter.limit);
  }

  cancel(id: number): Promise<boolean> {
    return this.#end(id, { type: "cancel", id }, () => this.#deps.local.cancel(id));
  }

  async remove(id: number): Promise<boolean> {
    const done = await this.#end(id, { type: "remove", id }, () => this.#deps.local.remove(id));
    this.#deps.absent.forget(id);
    return done;
  }

  async *watch(id: number, signal: AbortSignal): AsyncIterable<Job> {
    while (!signal.aborted) {
      const writer = await this.#writerOf(id);
      if (writer === "here" || writer === "nobody") {
        yield* this.#deps.local.watch(id, signal);
        return;
      }
      const end = writer === "absent" ? undefined : yield* this.#watchAt(writer.address, id, signal);
      if (end === "over") return;
      const job = this.#deps.absent.show(id);
      yield job;
      if (job.finishedAt !== undefined) return;
      await sleep(LOOK_AGAIN_MS, signal, this.#deps.timers).catch(() => undefined);
    }
  }

  distribution(image: ImageReference, credential?: JobCredential): Promise<ImageDistribution> {
    // A standby hears what hosts hold as the active one does.
    return this.#deps.local.distribution(image, credential);
  }

  /** Who keeps a job. One that is here is here, also where this scheduler had another ordinal once. */
  async #writerOf(id: number): Promise<"here" | "absent" | "nobody" | { readonly address: string }> {
    const { local, ordinal, book } = this.#deps;
    const wanted = ordinalOf(id);
    if (wanted === ordinal || (await local.get(id)) !== undefined) return "here";
    const writer = await book.writerOf(wanted);
    return writer.state === "known" ? { address: writer.address } : writer.state;
  }

  async #listAt(address: string, filter: JobFilter): Promise<readonly Job[]> {
    const jobs: Job[] = [];
    try {
      for await (const answer of this.#answers(address, { type: "list", filter }, { timeoutMs: this.#deps.patience.askMs }))
        if (answer.type === "jobs") jobs.push(...answer.jobs);
    } catch (error) {
      if (!(error instanceof SiblingAbsent)) throw error;
      this.#deps.log.debug("jobs of a scheduler that does not answer are left out of a list", { address });
    }
    return jobs;
  }

  async #end(id: number, question: Question, here: () => Promise<boolean>): Promise<boolean> {
    const writer = await this.#writerOf(id);
    if (writer === "here" || writer === "nobody") return here();
    try {
      if (writer === "absent") throw new SiblingAbsent("?", "nobody answers for this job's id");
      const answer = await this.#ask(writer.address, question);
      return answer.type === "ended" && answer.done;
    } catch (cause) {
      if (!(cause instanceof SiblingAbsent)) throw cause;
      const message = `the scheduler that keeps job ${String(id)} does not answer: try again when it does`;
      throw new JobError({ code: "absent" }, message, { cause });
    }
  }

  /** Whether it told the job to its end, or stopped before. */
  async *#watchAt(address: string, id: number, signal: AbortSignal): AsyncGenerator<Job, "over" | "cut off"> {
    let last: Job | undefined;
    try {
      for await (const answer of this.#answers(address, { type: "watch", id }, { signal })) {
        if (answer.type !== "job" || answer.job === undefined) continue;
        last = this.#heard(answer.job);
        yield last;
      }
      // A scheduler that ends well closes its watches first: such a job is not over.
      return last === undefined || last.finishedAt !== undefined ? "over" : "cut off";
    } catch (error) {
      if (!(error instanceof SiblingAbsent)) throw error;
      return "cut off";
    }
  }

  /** The one answer of a question. Rejects with `SiblingAbsent`, or with the `JobError` that it is. */
  async #ask(address: string, question: Question, options: AskOptions = { timeoutMs: this.#deps.patience.askMs }): Promise<Answer> {
    for await (const answer of this.#answers(address, question, options)) {
      if (answer.type !== "refused") return answer;
      throw new JobError(detailOf(answer.code, answer.message), answer.message);
    }
    throw new SiblingAbsent(address, "it ended without an answer");
  }

  async *#answers(address: string, question: Question, options: AskOptions): AsyncGenerator<Answer> {
    const { link, forwarded } = this.#deps;
    let isAnswered = false;
    try {
      for await (const answer of link.ask(address, question, options)) {
        // Booked with the first one: who wants no more never comes back here.
        if (!isAnswered) forwarded.inc({ question: question.type, outcome: "answered" });
        isAnswered = true;
        yield answer;
      }
    } catch (error) {
      const isAbsent = error instanceof SiblingAbsent && !isAnswered && options.signal?.aborted !== true;
      if (isAbsent) forwarded.inc({ question: question.type, outcome: "absent" });
      throw error;
    }
  }

  #heard(job: Job): Job {
    this.#deps.absent.heard(job);
    return job;
  }

  #mayGo(address: string, credential: JobCredential | undefined): boolean {
    return credential === undefined || this.#deps.link.mayCarry(address);
  }
}

function detailOf(code: JobErrorDetail["code"], message: string): JobErrorDetail {
  return code === "refused" ? { code, what: message } : { code };
}
