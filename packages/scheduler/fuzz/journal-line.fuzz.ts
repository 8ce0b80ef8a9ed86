import assert from "node:assert/strict";
import { utf8 } from "@darner/testkit";
import type { FuzzTarget } from "@darner/testkit";
import { EventReader, LineError } from "../src/journal/read-event.ts";

const DIGEST = `sha256:${"d".repeat(64)}`;
const HOST = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
const LINES = [
  `{"host":1,"id":"${HOST}"}`,
  `{"task":1,"digest":"${DIGEST}","size":600000}`,
  `["host-joined",1,0,{"address":"10.0.0.1:4102","zone":"a/b","seed":true}]`,
  `["host-lost",1]`,
  `["time-passed"]`,
  `["peer-opened",1,1,{"registry":"r.example","access":"caller","sequential":false,"priority":"reader","have":"AA=="}]`,
  `["pieces-needed",1,1,{"run":[0,1,2]}]`,
  `["pieces-verified",1,1,{"pieces":[[0,1,2]],"hashes":[]}]`,
  `["grant-failed",1,1,{"grant":1,"failure":{"code":"channel-lost"}}]`,
  `["blob-announced",1,1,{"have":"AA==","proven":false,"registry":"r.example"}]`,
];

/**
 * Lines of a journal that somebody sends in for `darner replay`: each is an event or a `LineError`.
 * @public the runner finds it by the name of its file
 */
export const journalLine: FuzzTarget = {
  name: "journal-line",
  seeds: LINES,
  words: [
    "null",
    "[]",
    "{}",
    "1e999",
    "-1",
    '"have":"',
    '"run":[',
    '"failure":{',
    '"__proto__":',
    '"peer-closed"',
    '"blob-proven"',
    '"table-told"',
  ],
  make: (dice) => dice.pick(LINES),
  check: (input) => {
    const reader = new EventReader();
    for (const line of LINES.slice(0, 2)) assert.ok(reader.takeName(JSON.parse(line) as Readonly<Record<string, unknown>>));
    let value: unknown;
    try {
      value = JSON.parse(utf8(input));
    } catch {
      return "no JSON";
    }
    try {
      if (Array.isArray(value)) return `event ${reader.read(value).type}`;
      if (typeof value !== "object" || value === null) return "neither";
      return reader.takeName(value as Readonly<Record<string, unknown>>) ? "name" : "no name";
    } catch (error) {
      assert.ok(error instanceof LineError, String(error));
      return `refused ${/^[a-z]+/.exec(error.message)?.[0] ?? ""}`;
    }
  },
};
