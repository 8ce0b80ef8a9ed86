import { JobError, type Job, type JobCredential, type Jobs } from "@darner/preheat";
import type { Answer, Question, SiblingFacts } from "./question.ts";

// Some hundred KiB a part: a job without its hosts is one or two.
const JOBS_A_PART = 200;

/** Answers what other schedulers ask, with this one's own jobs alone: a question is never passed on twice. */
export class SiblingDesk {
  readonly #jobs: Jobs;
  readonly #facts: () => SiblingFacts;

  constructor(jobs: Jobs, facts: () => SiblingFacts) {
    this.#jobs = jobs;
    this.#facts = facts;
  }

  async *answer(question: Question, credential: JobCredential | undefined, signal: AbortSignal): AsyncIterable<Answer> {
    try {
      if (question.type === "list") yield* inParts(await this.#jobs.list(question.filter));
      else if (question.type === "watch") for await (const job of this.#jobs.watch(question.id, signal)) yield { type: "job", job };
      else yield await this.#one(question, credential);
    } catch (error) {
      if (!(error instanceof JobError)) throw error;
      yield { type: "refused", code: error.detail.code, message: error.message };
    }
  }

  async #one(question: Exclude<Question, { readonly type: "list" | "watch" }>, credential: JobCredential | undefined): Promise<Answer> {
    switch (question.type) {
      case "facts":
        return { type: "facts", facts: this.#facts() };
      case "create":
        return { type: "job", job: await this.#jobs.create(question.request, credential) };
      case "get": {
        const job = await this.#jobs.get(question.id);
        return { type: "job", ...(job === undefined ? {} : { job }) };
      }
      case "cancel":
        return { type: "ended", done: await this.#jobs.cancel(question.id) };
      case "remove":
        return { type: "ended", done: await this.#jobs.remove(question.id) };
    }
  }
}

/** Lists are of jobs; who wants to see their hosts asks for one. */
function* inParts(jobs: readonly Job[]): Generator<Answer> {
  const light = jobs.map((job): Job => ({ ...job, hosts: [], contentUrls: [] }));
  for (let at = 0; at === 0 || at < light.length; at += JOBS_A_PART) yield { type: "jobs", jobs: light.slice(at, at + JOBS_A_PART) };
}
