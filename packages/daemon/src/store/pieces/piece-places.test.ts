import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { digestOf, type Task } from "@darner/domain";
import fc from "fast-check";

import { PiecePlaces, type SideBytes } from "./piece-places.ts";
import type { PieceLane } from "./piece-writer.ts";
import { StoreError } from "../store-error.ts";
import { blake3 } from "../blake3.ts";

const SIZE = 32;
const TASK: Task = { digest: digestOf(`sha256:${"0".repeat(64)}`), size: SIZE };
const RIGHT = Uint8Array.from({ length: SIZE }, (_, index) => index + 1);
const WRONG = RIGHT.map((byte) => 255 - byte);

/** Bytes that take some turns to be written, as a disk does. */
class SlowBytes implements SideBytes {
  readonly bytes = new Uint8Array(SIZE);
  readonly #turns: () => number;

  constructor(turns: () => number) {
    this.#turns = turns;
  }

  async write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    const whole = Buffer.concat(buffers);
    for (let left = this.#turns(); left > 0; left -= 1) await turn();
    this.bytes.set(whole, position);
  }

  async read(position: number, into: Uint8Array): Promise<void> {
    await turn();
    into.set(this.bytes.subarray(position, position + into.length));
  }

  close(): void {}
}

/** How one writer behaves: whether it lies, when it begins, in how many parts it writes, how long it rests between them. */
type Script = {
  readonly lies: boolean;
  readonly beginAfter: number;
  readonly parts: number;
  readonly rest: number;
  readonly givesUp: boolean;
  readonly claimAfter: number;
};

const script: fc.Arbitrary<Script> = fc.record({
  lies: fc.boolean(),
  beginAfter: fc.nat({ max: 12 }),
  parts: fc.integer({ min: 1, max: 5 }),
  rest: fc.nat({ max: 4 }),
  givesUp: fc.integer({ min: 0, max: 9 }).map((roll) => roll === 0),
  claimAfter: fc.nat({ max: 3 }),
});

async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left -= 1) await turn();
}

async function writeAll(lane: PieceLane, bytes: Uint8Array, { parts, rest }: Script): Promise<void> {
  const step = Math.ceil(SIZE / parts);
  for (let at = 0; at < SIZE; at += step) {
    await lane.write([bytes.subarray(at, at + step)], at);
    await turns(rest);
  }
}

test("whatever rivals do at one piece, what is verified is what is right, and stays so", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(script, { minLength: 1, maxLength: 5 }), fc.infiniteStream(fc.nat({ max: 3 })), async (scripts, delays) => {
      const delay = (): number => Number(delays.next().value);
      const file = new SlowBytes(delay);
      const state = { verified: false };
      const places = new PiecePlaces({
        task: TASK,
        bytes: file,
        isVerified: () => state.verified,
        openSide: () => Promise.resolve(new SlowBytes(delay)),
      });
      const hash = blake3(RIGHT);
      const run = async (one: Script): Promise<void> => {
        await turns(one.beginAfter);
        const lane = places.enter(0);
        const bytes = one.lies ? WRONG : RIGHT;
        await writeAll(lane, bytes, one);
        if (one.givesUp) {
          lane.leave();
          return;
        }
        try {
          await lane.settle(blake3(bytes));
        } catch (error) {
          assert.ok(error instanceof StoreError && error.detail.code === "piece-superseded", String(error));
          assert.ok(scripts.length > 1, "nobody supersedes a writer that is alone");
          return;
        }
        await turns(one.claimAfter);
        if (one.lies || state.verified || !places.holds(0, hash)) return;
        assert.deepEqual(file.bytes, RIGHT, "what is claimed is there");
        state.verified = true;
        places.forget(0);
      };
      await Promise.all(scripts.map(run));
      if (state.verified) assert.deepEqual(file.bytes, RIGHT, "what was claimed stays there");
      const honest = scripts.filter(({ lies, givesUp }) => !lies && !givesUp);
      if (honest.length > 0 && scripts.every(({ lies }) => !lies)) assert.ok(state.verified, "where all are honest the piece comes in");
    }),
    { numRuns: 500 },
  );
});
