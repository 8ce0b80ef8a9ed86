import { digestOf, PieceSet, type Task } from "@darner/domain";
import { loadSchedulerService, writeHostMessage, type HostMessage, type HostReport } from "@darner/protocol";
import { messageFrames } from "./frames.ts";

const PIECE_BYTES = 256 * 1024;
/** A blob of 64 MiB. */
export const PIECES = 256;
const SMALL_BYTES = 200_000;
const HASH = new Uint8Array(32).fill(7);
const METHOD = "Session";
// Small blobs come from so many registries that no registry's limit is what a probe waits for.
const REGISTRIES = 64;

const definition = loadSchedulerService().definition[METHOD];

/** The call that a session is. */
export const SESSION_PATH: string = definition?.path ?? "";

/** A message as it goes on the wire, by the project's own words and a protobuf library. */
export function framed(message: Partial<HostMessage>): Buffer {
  if (definition === undefined) throw new Error(`the service has no method ${METHOD}`);
  return messageFrames(definition.requestSerialize(writeHostMessage(message)));
}

function taskNumbered(kind: "a" | "b" | "c", number: number, size: number): Task {
  return { digest: digestOf(`sha256:${kind}${number.toString(16).padStart(63, "0")}`), size };
}

const opening = { type: "open", access: "own", sequential: false, priority: "reader" } as const;

/** What hosts say of one blob that many of them pull: the bytes are the same for all, so each message is made once. */
export class Wave {
  readonly #task: Task;
  readonly digest: Buffer;
  /** Asks for the blob. */
  readonly open: Buffer;
  /** The whole blob is here, and its digest proven. */
  readonly done: readonly Buffer[];
  // Two entries a piece: with the hash of who read it from the source, and without.
  readonly #reports = new Map<number, Buffer>();

  constructor(number: number) {
    this.#task = taskNumbered("a", number, PIECES * PIECE_BYTES);
    this.digest = Buffer.from(this.#task.digest);
    this.open = this.#say({ ...opening, registry: "r.example", have: new PieceSet(PIECES) });
    this.done = [this.#say({ type: "proven" }), this.#say({ type: "close" })];
  }

  /** One piece is here. */
  verified(piece: number, isRead: boolean): Buffer {
    const key = piece * 2 + (isRead ? 1 : 0);
    const made = this.#reports.get(key);
    if (made !== undefined) return made;
    const hashes = isRead ? [{ piece, hash: HASH }] : [];
    const report = this.#say({ type: "verified", pieces: [{ first: piece, stride: 1, count: 1 }], hashes });
    this.#reports.set(key, report);
    return report;
  }

  /** Several pieces in one message. */
  verifiedAll(pieces: readonly number[], read: readonly number[]): Buffer {
    const runs = pieces.map((first) => ({ first, stride: 1, count: 1 }));
    return this.#say({ type: "verified", pieces: runs, hashes: read.map((piece) => ({ piece, hash: HASH })) });
  }

  #say(report: HostReport): Buffer {
    return framed({ reports: [{ task: this.#task, report }] });
  }
}

/** What is said of one small blob that nobody else knows. */
export type SmallBlob = {
  readonly digest: string;
  /** Asks for it, to read it from the source. */
  readonly open: Buffer;
  /** Asks for it, with nobody to have it from yet. */
  readonly wait: Buffer;
  readonly close: Buffer;
};

export function smallBlob(kind: "b" | "c", number: number): SmallBlob {
  const task = taskNumbered(kind, number, SMALL_BYTES);
  const registry = registryOf(number);
  const say = (report: HostReport): Buffer => framed({ reports: [{ task, report }] });
  const have = new PieceSet(1);
  return {
    digest: task.digest,
    open: say({ ...opening, registry, have }),
    wait: say({ ...opening, access: "none", registry, have }),
    close: say({ type: "close" }),
  };
}

/** Announces the whole of a small blob; the one before is not held any more. */
export function announced(number: number): Buffer {
  const task = taskNumbered("c", number, SMALL_BYTES);
  const dropped = number > 0 ? [taskNumbered("c", number - 1, SMALL_BYTES)] : [];
  return framed({ dropped, holdings: [{ task, proven: true, have: PieceSet.full(1), registry: registryOf(number) }] });
}

function registryOf(number: number): string {
  return `r${String(number % REGISTRIES)}.example`;
}
