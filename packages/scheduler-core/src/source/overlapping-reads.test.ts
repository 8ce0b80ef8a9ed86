import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Script } from "../../test/script.ts";

/** The connections said with the last stripe, after a reader read some one by one: the first piece of each took so long, the others 20 ms. */
function connectionsWith(firstPieceMs: number): number {
  const script = new Script(64);
  script.open("a");
  for (let at = 0; at < 6; at++) {
    for (const [index, piece] of (script.stripes()[at]?.pieces ?? []).entries()) {
      script.wait(index === 0 ? firstPieceMs : 20);
      script.read("a", [piece]);
    }
  }
  return script.said.reduce((last, effect) => (effect.type === "grant-stripe" ? effect.connections : last), 0);
}

suite("reads that overlap", () => {
  test("a reader whose registry answers at once reads one stripe at a time", () => {
    assert.equal(connectionsWith(20), 1);
  });

  test("a reader whose registry is far reads several, so that its link does not idle", () => {
    const far = connectionsWith(200);
    assert.ok(far >= 2 && far <= 4, String(far));
    assert.ok(connectionsWith(1000) >= far);
  });
});
