import assert from "node:assert/strict";
import { test } from "node:test";
import { openLog } from "./open-log.ts";
import type { LogLevel } from "./open-log.ts";
import type { Logger } from "./log.ts";
import { Secret } from "./secret.ts";

function captured(level: LogLevel = "info"): { log: Logger; lines: Record<string, unknown>[]; raw: string[] } {
  const raw: string[] = [];
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => {
    raw.push(line);
    lines.push(JSON.parse(line) as Record<string, unknown>);
  };
  return { log: openLog({ level, name: "daemon", destination: { write } }), lines, raw };
}

test("a line has time, level, name and message, and its fields beside them", () => {
  const { log, lines, raw } = captured();
  log.info("blob complete", { digest: "sha256:1", pieces: 3 });
  const { time, ...rest } = lines[0] ?? {};
  assert.deepEqual(rest, { level: "info", name: "daemon", message: "blob complete", digest: "sha256:1", pieces: 3 });
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(raw[0]?.endsWith("}\n"));
});

test("lines below the level are not written", () => {
  const { log, lines } = captured("warn");
  log.debug("no");
  log.info("no");
  log.warn("yes");
  log.error("yes");
  assert.deepEqual(
    lines.map(({ level }) => level),
    ["warn", "error"],
  );
});

test("a secret is redacted wherever it stands", () => {
  const { log, raw } = captured("debug");
  const secret = new Secret("hunter2");
  const error = new Error("outer", { cause: Object.assign(new Error("inner"), { secret }) });
  log.child({ secret, list: [secret] }).info("m", { secret, deep: { list: [secret], map: new Map([["k", secret]]) }, error });
  assert.doesNotMatch(raw.join(""), /hunter2/);
  assert.match(raw.join(""), /"secret":"redacted","list":\["redacted"\]/);
});

test("an error is its code, message and cause, with its stack at debug only", () => {
  const cause = Object.assign(new Error("reset"), { code: "ECONNRESET" });
  const error = Object.assign(new Error("outer", { cause }), { detail: { code: "unavailable" } });
  const info = captured("info");
  info.log.warn("m", { error });
  assert.deepEqual(info.lines[0]?.["error"], { code: "unavailable", message: "outer", cause: { code: "ECONNRESET", message: "reset" } });
  const debug = captured("debug");
  debug.log.warn("m", { error });
  assert.match((debug.lines[0]?.["error"] as { stack: string }).stack, /open-log\.test/);
});

test("a field cannot take the place of what a line says by itself", () => {
  const { log, raw } = captured();
  log.info("m", { message: "x", level: "y", time: 1, name: "host-1" });
  assert.equal(raw[0]?.match(/"message":/g)?.length, 1);
  assert.match(raw[0], /"_message":"x","_level":"y","_time":1,"_name":"host-1"/);
});

test("whatever is logged becomes one line of bounded size", () => {
  const { log, lines, raw } = captured();
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  log.info("m", {
    circle,
    long: "x".repeat(100_000),
    lines: "a\nb",
    bytes: new Uint8Array(1e6),
    big: 10n,
    not: NaN,
    f: () => 1,
    many: Array(1e5).fill(1),
    none: undefined,
    nil: null,
  });
  assert.equal(raw.length, 1);
  const line = raw.join("");
  assert.equal(line.indexOf("\n"), line.length - 1);
  assert.ok(line.length < 10_000);
  assert.equal(lines[0]?.["bytes"], "(1000000 bytes)");
  assert.equal(lines[0]["big"], "10");
  assert.equal(lines[0]["not"], "NaN");
  assert.equal(lines[0]["nil"], null);
});

test("a child adds its fields to every line, also to its own children's", () => {
  const { log, lines } = captured();
  log.child({ task: 1 }).child({ host: 2 }).info("m", { piece: 3 });
  const { task, host, piece } = lines[0] ?? {};
  assert.deepEqual([task, host, piece], [1, 2, 3]);
});
