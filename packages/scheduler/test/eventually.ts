import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";

// Loopback answers within a few turns of the event loop; a test that needs more than this waits for nothing.
const MAX_TURNS = 200_000;

/** Waits, turn by turn of the event loop, until something holds; fails where it never does. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  for (let turn = 0; turn < MAX_TURNS; turn += 1) {
    if (holds()) return;
    await setImmediate();
  }
  assert.fail(`never: ${what}`);
}
