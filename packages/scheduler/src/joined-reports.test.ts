import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, type Task } from "@darner/domain";
import type { TaskReport } from "@darner/protocol";
import { joinedReports } from "./joined-reports.ts";

const [left, right] = ["a", "b"].map((letter): Task => ({ digest: digestOf(`sha256:${letter.repeat(64)}`), size: 1_000_000 }));
const hash = new Uint8Array(32);

function verified(task: Task | undefined, ...pieces: number[]): TaskReport {
  assert.ok(task !== undefined);
  const runs = pieces.map((first) => ({ first, stride: 1, count: 1 }));
  return { task, report: { type: "verified", pieces: runs, hashes: pieces.map((piece) => ({ piece, hash })) } };
}

test("what a host verified of one blob in reports that follow each other is one report, in the same order", () => {
  assert.deepEqual(joinedReports([verified(left, 0), verified(left, 1, 2), verified(left, 3)]), [verified(left, 0, 1, 2, 3)]);
});

test("reports of different blobs, and whatever else is said in between, keep their places", () => {
  const closed: TaskReport = { task: left ?? assert.fail(), report: { type: "close" } };
  const reports = [verified(left, 0), verified(right, 0), verified(left, 1), closed, verified(left, 2)];
  assert.deepEqual(joinedReports(reports), reports);
  const larger = { ...(left ?? assert.fail()), size: 2_000_000 };
  assert.equal(joinedReports([verified(left, 0), verified(larger, 1)]).length, 2, "contradicting sizes are two tasks");
  assert.deepEqual(joinedReports([]), []);
});
