import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { DEFAULT_LIMITS } from "../limits.ts";
import { linePause, linesUntil, newLinePace, noteFirstArrival, noteLines, type LinePace } from "./line-pace.ts";

/** Sixteen lines, one every so often, and the first piece of peers one to eight steps below, each step of which takes so long. */
function paceOf(everyMs: number, stepMs: number): LinePace {
  const pace = newLinePace();
  for (let line = 0; line < 16; line++) noteLines(pace, 1, (line - 1) * everyMs, line * everyMs);
  for (let steps = 1; steps <= 8; steps++) noteFirstArrival(pace, steps % 4, steps, (steps % 4) * everyMs + steps * stepMs);
  return pace;
}

suite("how fast lines become known", () => {
  test("two come for each step down a tree where the source is as fast as the links, or nothing is known", () => {
    assert.equal(linesUntil(newLinePace(), 5), 10);
    assert.equal(linesUntil(paceOf(335, 671), 5), 10);
    assert.equal(linesUntil(paceOf(1342, 2684), 5), 10);
    assert.equal(linesUntil(paceOf(335, 1342), 5), 10, "and where the source is faster: a line is never later than its piece may be");
  });

  test("fewer come where the source is slower", () => {
    assert.equal(linesUntil(paceOf(1000, 500), 5), 3, "five steps in the time of two and a half, and half a second");
    assert.equal(linesUntil(paceOf(1000, 1000), 5), 5.5);
    assert.equal(linesUntil(paceOf(100, 50), 2), 4, "of short pieces as many as usual");
    assert.equal(linesUntil(paceOf(1000, 500), 0), 0);
  });

  test("nobody waits longer than two seconds after a line should have come, and a second at least", () => {
    assert.equal(linePause(newLinePace(), DEFAULT_LIMITS), 1000);
    assert.equal(linePause(paceOf(335, 671), DEFAULT_LIMITS), 1000);
    assert.equal(linePause(paceOf(1500, 671), DEFAULT_LIMITS), 3000);
    assert.equal(linePause(paceOf(10_000, 671), DEFAULT_LIMITS), 12_000);
  });

  test("lines told together came as often as they did together", () => {
    const pace = newLinePace();
    noteLines(pace, 4, 0, 0);
    noteLines(pace, 4, 0, 2000);
    assert.equal(pace.everyMs, 500);
  });

  test("pieces of later lines, and those of a root, tell nothing of a step", () => {
    const pace = newLinePace();
    noteLines(pace, 64, 0, 1000);
    noteFirstArrival(pace, 0, 0, 5000);
    noteFirstArrival(pace, 60, 2, 5000);
    noteFirstArrival(pace, -1, 2, 5000);
    assert.equal(pace.stepMs, 0);
    noteFirstArrival(pace, 31, 2, 5000);
    assert.equal(pace.stepMs, 2000);
  });
});
