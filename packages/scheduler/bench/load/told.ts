import type { PieceRun } from "@darner/domain";

/** What of an order a scripted session acts on. */
export type ToldGrant = {
  readonly digest: Buffer;
  /** The host it comes from; undefined: the source. */
  readonly parent: string | undefined;
  readonly run: PieceRun;
};

/** What a scripted session reads of a message: everything else is passed over. */
export type Told = {
  onWelcome(): void;
  onChallenge(challenge: Buffer): void;
  onOrder(): void;
  onGrant(grant: ToldGrant): void;
};

// Numbers of fields in proto/darner/v1/session.proto.
const MESSAGE = { welcome: 1, orders: 2, challenge: 4 } as const;
const ORDER = { task: 1, grantPieces: 2, grantStripe: 3 } as const;
const TASK = { digest: 1 } as const;
const [PARENT, RUN_FROM_PARENT, RUN_FROM_SOURCE] = [2, 4, 2] as const;
const RUN = { first: 1, stride: 2, count: 3 } as const;
const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5] as const;

/** Walks over the fields of a protobuf message: the number, and the bytes or the value of each. */
class Fields {
  readonly #bytes: Buffer;
  #at = 0;
  number = 0;
  value = 0;
  body: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.body = bytes;
  }

  next(): boolean {
    if (this.#at >= this.#bytes.length) return false;
    const key = this.#varint();
    this.number = key >>> 3;
    const type = key & 7;
    if (type === VARINT) this.value = this.#varint();
    else if (type === BYTES) {
      const length = this.#varint();
      this.body = this.#bytes.subarray(this.#at, this.#at + length);
      this.#at += length;
    } else if (type === FIXED64) this.#at += 8;
    else if (type === FIXED32) this.#at += 4;
    else throw new Error(`a protobuf field of type ${String(type)}`);
    return true;
  }

  #varint(): number {
    let [value, unit] = [0, 1];
    for (;;) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
      unit *= 128;
    }
  }
}

/** Reads a SchedulerMessage as far as a script acts on it. */
export function tell(message: Buffer, told: Told): void {
  const fields = new Fields(message);
  while (fields.next()) {
    if (fields.number === MESSAGE.orders) tellOrder(fields.body, told);
    else if (fields.number === MESSAGE.welcome) told.onWelcome();
    else if (fields.number === MESSAGE.challenge && fields.body.length > 0) told.onChallenge(fields.body);
  }
}

function tellOrder(order: Buffer, told: Told): void {
  told.onOrder();
  const fields = new Fields(order);
  let digest: Buffer | undefined;
  while (fields.next()) {
    if (fields.number === ORDER.task) digest = bytesOf(fields.body, TASK.digest);
    if (digest === undefined) continue;
    if (fields.number === ORDER.grantPieces)
      tellGrant(digest, bytesOf(fields.body, PARENT)?.toString(), bytesOf(fields.body, RUN_FROM_PARENT), told);
    if (fields.number === ORDER.grantStripe) tellGrant(digest, undefined, bytesOf(fields.body, RUN_FROM_SOURCE), told);
  }
}

function tellGrant(digest: Buffer, parent: string | undefined, run: Buffer | undefined, told: Told): void {
  if (run !== undefined) told.onGrant({ digest, parent, run: runOf(run) });
}

function bytesOf(message: Buffer, number: number): Buffer | undefined {
  const fields = new Fields(message);
  while (fields.next()) if (fields.number === number) return fields.body;
  return undefined;
}

/** A field that is not there is 0, as protobuf has it. */
function runOf(message: Buffer): PieceRun {
  const run = { first: 0, stride: 0, count: 0 };
  const fields = new Fields(message);
  while (fields.next()) {
    if (fields.number === RUN.first) run.first = fields.value;
    if (fields.number === RUN.stride) run.stride = fields.value;
    if (fields.number === RUN.count) run.count = fields.value;
  }
  return run;
}
