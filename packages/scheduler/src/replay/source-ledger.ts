import { pieceRange, piecesOf, type HostId, type PieceRun, type Task } from "@darner/domain";
import type { SchedulerEvent } from "@darner/scheduler-core";

/** Why a stripe of a blob was granted. */
export type StripeCause =
  /** Nobody had been asked to read it through this registry. */
  | "first-read"
  /** Its reader left, or was lost. */
  | "lost-reader"
  /** Its reader could not read it. */
  | "failed-read"
  /** The blob did not have its digest. */
  | "failed-proof"
  /** It was late, or its bytes went with a host that held them. */
  | "again";

// `left`: pieces that were not verified yet.
type Stripe = { readonly host: HostId; readonly left: Set<number> };

/** Books for one task which pieces were to be read from the source, and why those that were read twice were. */
export class SourceLedger {
  readonly #task: Task;
  // Registry by host, as it opened its peer; why the last reader of a piece did not deliver, by registry and piece.
  readonly #registries = new Map<HostId, string>();
  readonly #reads = new Map<string, Map<number, StripeCause>>();
  readonly #stripes = new Map<number, Stripe>();
  readonly #bytes = new Map<StripeCause, number>();

  constructor(task: Task) {
    this.#task = task;
  }

  /** Bytes to be read, by cause. */
  get bytes(): ReadonlyMap<StripeCause, number> {
    return this.#bytes;
  }

  /** What happened to the task or to one of its hosts. */
  hear(event: SchedulerEvent): void {
    switch (event.type) {
      case "peer-opened":
        this.#registries.set(event.host, event.registry);
        return;
      case "host-joined":
      case "host-lost":
      case "peer-closed":
      case "blob-dropped":
        this.#loseStripes(event.host, undefined, "lost-reader");
        return;
      case "grant-failed":
        this.#loseStripes(event.host, event.grant, "failed-read");
        return;
      case "proof-failed":
        for (const piece of this.#readsOf(event.host).keys()) this.#readsOf(event.host).set(piece, "failed-proof");
        return;
      case "pieces-verified":
        this.#deliver(event.host, event.pieces);
        return;
      case "blob-announced":
      case "pieces-needed":
      case "table-told":
      case "blob-proven":
      case "hosts-moving":
      case "time-passed":
    }
  }

  /** A stripe is granted; returns why its first piece is read. */
  grant(grant: number, host: HostId, run: PieceRun): StripeCause {
    this.#stripes.set(grant, { host, left: new Set(piecesOf(run)) });
    const reads = this.#readsOf(host);
    let first: StripeCause | undefined;
    for (const piece of piecesOf(run)) {
      const cause = reads.get(piece) ?? "first-read";
      const { start, end } = pieceRange(this.#task.size, piece);
      this.#bytes.set(cause, (this.#bytes.get(cause) ?? 0) + end - start);
      reads.set(piece, "again");
      first ??= cause;
    }
    return first ?? "first-read";
  }

  #deliver(host: HostId, runs: readonly PieceRun[]): void {
    for (const [id, stripe] of this.#stripes) {
      if (stripe.host !== host) continue;
      for (const run of runs) for (const piece of piecesOf(run)) stripe.left.delete(piece);
      if (stripe.left.size === 0) this.#stripes.delete(id);
    }
  }

  #loseStripes(host: HostId, grant: number | undefined, cause: StripeCause): void {
    for (const [id, stripe] of this.#stripes) {
      if (stripe.host !== host || (grant !== undefined && grant !== id)) continue;
      this.#stripes.delete(id);
      for (const piece of stripe.left) this.#readsOf(host).set(piece, cause);
    }
  }

  #readsOf(host: HostId): Map<number, StripeCause> {
    const registry = this.#registries.get(host) ?? "";
    const reads = this.#reads.get(registry) ?? new Map<number, StripeCause>();
    this.#reads.set(registry, reads);
    return reads;
  }
}
