import type { HostStanding, Task } from "@darner/domain";
import {
  MAX_FACTS_A_MESSAGE,
  type Holding,
  type HostMessage,
  type HostReport,
  type PublicFact,
  type TaskReport,
  type WarmReport,
} from "@darner/protocol";

type Entry =
  | { readonly kind: "dropped"; readonly task: Task }
  | { readonly kind: "holding"; readonly holding: Holding }
  | { readonly kind: "report"; readonly report: TaskReport };

// In which order a scheduler reads the parts of one message.
const ORDER: Readonly<Record<Entry["kind"], number>> = { dropped: 0, holding: 1, report: 2 };
// Far below the 16 MiB a message may have, so that one last entry of up to 10 MiB (the table of the largest blob) still fits in.
const MESSAGE_BYTES = 4 * 1024 * 1024;
// A digest, a size and what protobuf adds.
const ENTRY_BYTES = 256;
const HASH_BYTES = 40;
const RUN_BYTES = 20;

/** What waits to be said to a scheduler, in the order it was said. */
export class Outbox {
  #entries: Entry[] = [];
  // They depend on nothing that waits and go with whatever leaves next.
  readonly #facts: PublicFact[] = [];
  #warmed: WarmReport[] = [];
  #standing: HostStanding | undefined;
  #bytes = 0;

  /** About how many bytes wait. */
  get bytes(): number {
    return this.#bytes;
  }

  report(task: Task, report: HostReport): void {
    this.#add({ kind: "report", report: { task, report } });
  }

  announce(holding: Holding): void {
    this.#add({ kind: "holding", holding });
  }

  dropped(task: Task): void {
    this.#add({ kind: "dropped", task });
  }

  publicFact(fact: PublicFact): void {
    this.#facts.push(fact);
    this.#bytes += ENTRY_BYTES;
  }

  /** What is held is said before: who hears that a content is warm knows that it is here. */
  warmed(report: WarmReport): void {
    this.#warmed.push(report);
    this.#bytes += ENTRY_BYTES;
  }

  /** Goes with whatever leaves next; a newer word replaces it. */
  standing(standing: HostStanding): void {
    this.#standing = standing;
  }

  /** The next message: as much as fits and as a scheduler reads in this very order; undefined where nothing waits. */
  next(): Partial<HostMessage> | undefined {
    let bytes = 0;
    let count = 0;
    let order = 0;
    for (const entry of this.#entries) {
      if (ORDER[entry.kind] < order || (count > 0 && bytes + bytesOf(entry) > MESSAGE_BYTES)) break;
      order = ORDER[entry.kind];
      bytes += bytesOf(entry);
      count += 1;
    }
    const publicFacts = this.#facts.splice(0, MAX_FACTS_A_MESSAGE);
    const warmed = count === this.#entries.length ? this.#warmed : [];
    const standing = this.#standing;
    if (count + publicFacts.length + warmed.length === 0 && standing === undefined) return undefined;
    this.#standing = undefined;
    this.#bytes -= bytes + (publicFacts.length + warmed.length) * ENTRY_BYTES;
    if (warmed.length > 0) this.#warmed = [];
    return {
      ...messageOf(this.#entries.splice(0, count)),
      ...(publicFacts.length === 0 ? {} : { publicFacts }),
      ...(warmed.length === 0 ? {} : { warmed }),
      ...(standing === undefined ? {} : { standing }),
    };
  }

  #add(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += bytesOf(entry);
  }
}

function messageOf(entries: readonly Entry[]): Partial<HostMessage> {
  return {
    dropped: entries.flatMap((entry) => (entry.kind === "dropped" ? [entry.task] : [])),
    holdings: entries.flatMap((entry) => (entry.kind === "holding" ? [entry.holding] : [])),
    reports: entries.flatMap((entry) => (entry.kind === "report" ? [entry.report] : [])),
  };
}

function bytesOf(entry: Entry): number {
  switch (entry.kind) {
    case "dropped":
      return ENTRY_BYTES;
    case "holding":
      return ENTRY_BYTES + (entry.holding.proven ? 0 : Math.ceil(entry.holding.have.size / 8));
    case "report":
      return ENTRY_BYTES + bytesOfReport(entry.report.report);
  }
}

function bytesOfReport(report: HostReport): number {
  switch (report.type) {
    case "open":
      return Math.ceil(report.have.size / 8);
    case "verified":
      return report.hashes.length * HASH_BYTES + report.pieces.length * RUN_BYTES;
    case "table":
      return report.hashes.length * HASH_BYTES;
    case "close":
    case "need":
    case "grant-failed":
    case "proven":
    case "proof-failed":
      return 0;
  }
}
