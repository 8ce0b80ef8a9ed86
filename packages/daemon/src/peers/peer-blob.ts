import { pieceCount, pieceRange, PieceSet, type PieceHash, type Task } from "@darner/domain";
import type { Prover, Proof } from "../store/prover.ts";
import type { BlobFacts, BlobStore, StoredBlob } from "../store/store.ts";
import { againstProven, type AgainstProven } from "./against-proven.ts";
import { PieceIntake, type IntakeListener } from "./piece-intake.ts";
import type { ReadBuffers } from "./read-buffers.ts";

/** What may leave to a client before the proof: every verified piece, or only those that this host read from the source itself. */
export type Verify = "prompt" | "strict";

/** What the bytes of a peer work with. */
export type PeerBlobDeps = { readonly store: BlobStore; readonly prover: Prover; readonly now: () => number; readonly verify: Verify };

/** The bytes of one peer: the file, who may write into it, and the proof that runs over it. A file whose bytes were wrong is replaced by an empty one. */
export class PeerBlob {
  readonly #task: Task;
  readonly #facts: BlobFacts;
  readonly #deps: PeerBlobDeps;
  readonly #listener: IntakeListener;
  #blob: StoredBlob;
  #intake: PieceIntake;
  #proof: Proof;
  // While it runs there are no bytes: those of the old file are wrong, the new one is not there yet.
  #replacing: Promise<void> | undefined;
  // Whether somebody was given bytes of this file.
  #given = false;
  #closed = false;
  // The pieces that this host read from the source itself since the peer began; of those on the disk before nobody knows.
  #fromSource: PieceSet;

  constructor(task: Task, blob: StoredBlob, facts: BlobFacts, deps: PeerBlobDeps, listener: IntakeListener) {
    this.#task = task;
    this.#facts = facts;
    this.#deps = deps;
    this.#listener = listener;
    this.#blob = blob;
    this.#fromSource = this.#noPieces();
    this.#intake = this.#newIntake();
    this.#proof = this.#newProof();
    // What the store held before counts as the prefix to prove, too.
    this.extendProof();
  }

  /** The verified pieces that may be read now. */
  get have(): PieceSet {
    return this.#replacing === undefined ? this.#blob.have : this.#noPieces();
  }

  /** Of these, what may leave to a client before the proof; undefined where all of it may. */
  get early(): PieceSet | undefined {
    if (this.#deps.verify === "prompt") return undefined;
    return this.#replacing === undefined ? this.#fromSource : this.#noPieces();
  }

  get stored(): StoredBlob {
    return this.#blob;
  }

  /** Whether a reader was given bytes that are not proven yet, or were wrong. */
  get given(): boolean {
    return this.#given;
  }

  /** Reads bytes for a reader. */
  async give(offset: number, into: Uint8Array): Promise<void> {
    this.#given = true;
    await this.#blob.read(offset, into);
  }

  /** Takes pieces in; while the file is replaced nothing may be written, and `whenReplaced` says when that is over. */
  get intake(): PieceIntake {
    return this.#intake;
  }

  get proof(): Proof {
    return this.#proof;
  }

  /** Resolves when there is a file again; undefined where there is one. Rejects with `StoreError` where none could be made. */
  get whenReplaced(): Promise<void> | undefined {
    return this.#replacing;
  }

  /** Pieces were found right, wherever they came from. */
  accept(pieces: readonly PieceHash[], from: "source" | "parent"): void {
    this.#blob.markVerified(pieces);
    for (const { piece } of pieces) {
      this.#intake.decided(piece);
      if (from === "source") this.#fromSource.add(piece);
    }
    this.extendProof();
  }

  /** Hands the verified prefix to the proof. */
  extendProof(): void {
    const { size } = this.#task;
    const missing = this.#blob.have.firstMissing();
    this.#proof.extend(missing === pieceCount(size) ? size : pieceRange(size, missing).start);
  }

  /** The bytes are wrong: they are kept for nobody, and an empty file takes their place, unless the peer is over. Rejects with `StoreError`. */
  replace(): Promise<void> {
    this.#replacing ??= this.#replace().finally(() => (this.#replacing = undefined));
    return this.#replacing;
  }

  /** The blob is proven another way: `settle` puts it whole into the store in place of this file and opens it. Until what was here is compared with it there are no bytes. */
  async becomeProven(settle: () => Promise<StoredBlob>, buffers: ReadBuffers): Promise<AgainstProven> {
    await this.#replacing?.catch(() => undefined);
    const taken = this.#takeProven(settle, buffers);
    this.#replacing = taken.then(() => undefined).finally(() => (this.#replacing = undefined));
    await this.#replacing;
    return taken;
  }

  /** Lets go of the file, at once or as soon as its replacement is through. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#replacing === undefined) this.#letGo();
  }

  async #replace(): Promise<void> {
    const wrong = this.#blob;
    this.#intake.close();
    this.#proof.cancel();
    this.#fromSource = this.#noPieces();
    try {
      await wrong.quarantine("the bytes do not have the digest");
    } finally {
      wrong[Symbol.dispose]();
    }
    if (this.#isClosed()) return;
    this.#given = false;
    this.#blob = await this.#deps.store.openOrCreate(this.#task, this.#facts);
    this.#intake = this.#newIntake();
    this.#proof = this.#newProof();
    if (this.#isClosed()) this.#letGo();
  }

  async #takeProven(settle: () => Promise<StoredBlob>, buffers: ReadBuffers): Promise<AgainstProven> {
    const unproven = this.#blob;
    const told = unproven.hashes();
    this.#intake.close();
    this.#proof.cancel();
    this.#blob = await settle();
    unproven[Symbol.dispose]();
    const compared = await againstProven(told, this.#blob, buffers);
    if (this.#isClosed()) this.#blob[Symbol.dispose]();
    return compared;
  }

  // A method, because TypeScript does not see that `close` may come while something is awaited.
  #isClosed(): boolean {
    return this.#closed;
  }

  #letGo(): void {
    this.#intake.close();
    this.#proof.cancel();
    this.#blob[Symbol.dispose]();
  }

  #noPieces(): PieceSet {
    return new PieceSet(pieceCount(this.#task.size));
  }

  #newIntake(): PieceIntake {
    return new PieceIntake(this.#blob, this.#listener, this.#deps.now);
  }

  #newProof(): Proof {
    const proof = this.#deps.prover.prove(this.#blob.path, this.#task.digest, this.#task.size);
    proof.result.catch(() => undefined);
    return proof;
  }
}
