import assert from "node:assert/strict";
import { latin1 } from "@darner/testkit";
import type { FuzzDice, FuzzTarget } from "@darner/testkit";
import { encodePieceFrame, type PieceFrame } from "../src/piece-frames.ts";
import { feedPieceFrames, PieceFrameReader } from "../src/piece-frames-reader.ts";

const DIGEST = `sha256:${"c".repeat(64)}`;

function frameOf(dice: FuzzDice): PieceFrame {
  const request = dice.below(2 ** 32);
  const run = { first: dice.below(300), stride: 1 + dice.below(4), count: 1 + dice.below(70_000) };
  return dice.pick<() => PieceFrame>([
    () => ({ type: "hello", version: dice.below(3) }),
    () => ({ type: "claim", key: new Uint8Array(32), nonce: new Uint8Array(32) }),
    () => ({ type: "proof", signature: new Uint8Array(64) }),
    () => ({
      type: "want",
      want: {
        request,
        digest: DIGEST,
        size: dice.below(2 ** 40),
        run: { ...run, count: 1 + dice.below(99) },
        skip: new Uint8Array(dice.below(4)),
      },
    }),
    () => ({ type: "cancel", request }),
    () => ({ type: "piece", request, piece: dice.below(99), length: dice.below(2 ** 26) }),
    () => ({ type: "waiting", request }),
    () => ({ type: "end", request }),
    () => ({ type: "refuse", request, reason: dice.pick(["unknown", "busy"]) }),
  ])();
}

/**
 * Frames of the piece channel, as parent and as child, in any portions. The first byte says how large the portions are.
 * @public the runner finds it by the name of its file
 */
export const pieceFrames: FuzzTarget = {
  name: "piece-frames",
  seeds: [Uint8Array.of(0, 1, 0, 0, 0, 1, 1), Uint8Array.of(3, 4, 0xff, 0xff, 0xff, 0xff)],
  words: ["\u0001\u0000\u0000\u0000\u0001", "\u0004\u0000\u0000\u0000", "\u0006\u0000\u0000\u0000\u000c", DIGEST],
  make: (dice) =>
    Buffer.concat([Buffer.of(dice.below(256)), ...Array.from({ length: 1 + dice.below(4) }, () => encodePieceFrame(frameOf(dice)))]),
  check: (input) => (["parent", "child"] as const).map((hearer) => heard(hearer, input)).join(" / "),
};

function heard(hearer: "parent" | "child", input: Uint8Array): string {
  const reader = new PieceFrameReader(hearer);
  const portion = 1 + (input[0] ?? 0);
  const endings: string[] = [];
  const again: Uint8Array[] = [];
  const broken: string[] = [];
  for (let at = 1; at < input.length && broken.at(0) === undefined; at += portion) {
    feedPieceFrames(reader, input.subarray(at, at + portion), (read) => {
      if (!read.ok) broken.push(read.problem);
      endings.push(read.ok ? read.frame.type : read.problem);
      if (read.ok) again.push(encodePieceFrame(read.frame));
      return read.ok;
    });
    // A frame says how long it is before it comes: what is held for it is bounded, whatever it says.
    assert.ok(broken.length > 0 || reader.space().length <= 25 + 255 + 8192);
  }
  // What was read, written again, is what came.
  assert.equal(latin1(Buffer.concat(again)), latin1(input.subarray(1, 1 + Buffer.concat(again).length)));
  return [...new Set(endings)].toSorted().slice(0, 2).join(" ");
}
