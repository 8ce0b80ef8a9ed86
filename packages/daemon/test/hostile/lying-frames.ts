import type { Identity } from "../../src/identity/identity.ts";
import { pieceRange } from "@darner/domain";
import type { PieceFrame } from "@darner/protocol";
import { RawParent, type Guest } from "../raw-parent.ts";
import type { HostilePlan } from "./hostile-plan.ts";
import type { LyingBlob } from "./lying-blob.ts";

const NEVER_ASKED = 4_000_000_000;
// Enough to keep a socket busy, little enough not to fill this process's own memory.
const FLOOD_FRAMES = 2000;
const FLOOD_EVERY_MS = 5;
const DRIP_EVERY_MS = 200;

/** A piece channel that breaks its rules in the way the plan says. */
export async function openLyingFrames(plan: HostilePlan, blob: LyingBlob, identity: Identity): Promise<RawParent> {
  const raw = await RawParent.listen(identity);
  raw.onWant = (guest, frame) => {
    misbehave(plan, blob, guest, frame);
  };
  return raw;
}

function misbehave(plan: HostilePlan, { task }: LyingBlob, guest: Guest, { want }: Extract<PieceFrame, { type: "want" }>): void {
  const { request, run } = want;
  const { start, end } = pieceRange(task.size, run.first);
  const piece = { type: "piece", request, piece: run.first, length: end - start } as const;
  if (plan.lie === "unasked") guest.say({ ...piece, request: NEVER_ASKED }, new Uint8Array(end - start));
  if (plan.lie === "too-long") guest.say({ ...piece, length: 2 ** 31 }, new Uint8Array(1024));
  if (plan.lie === "endless-waiting") {
    every(guest, FLOOD_EVERY_MS, () => {
      if (guest.socket.writableLength === 0)
        guest.say(...Array.from({ length: FLOOD_FRAMES }, () => ({ type: "waiting", request }) as const));
    });
  }
  if (plan.lie === "endless-piece") {
    guest.say(piece);
    every(guest, DRIP_EVERY_MS, () => {
      guest.say(Uint8Array.of(0));
    });
  }
}

function every(guest: Guest, ms: number, act: () => void): void {
  const timer = setInterval(act, ms);
  guest.socket.once("close", () => {
    clearInterval(timer);
  });
}
