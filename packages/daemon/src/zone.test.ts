import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig, type Config } from "@darner/runtime";
import { capturedLog, noLeaks, openTempDir } from "@darner/testkit";
import { withZone } from "./zone.ts";

noLeaks();

function configOf(flags: Readonly<Record<string, string>>): Config {
  const loaded = loadConfig({ env: {}, flags });
  assert.ok(loaded.ok);
  return loaded.config;
}

test("the zone of a host is what its file says, where none is configured", async () => {
  await using dir = await openTempDir();
  const zoneFile = join(dir.path, "zone");
  await writeFile(zoneFile, "eu-1/rack-7\n");
  const log = capturedLog();
  assert.equal((await withZone(configOf({ zoneFile }), log)).zone, "eu-1/rack-7");
  assert.equal((await withZone(configOf({ zoneFile, zone: "eu-2" }), log)).zone, "eu-2");
  assert.deepEqual(log.lines, []);
});

test("a file that is empty, absent or holds no zone means no zone, and the last two are told of", async () => {
  await using dir = await openTempDir();
  const zoneFile = join(dir.path, "zone");
  const log = capturedLog();
  await writeFile(zoneFile, "\n");
  assert.equal((await withZone(configOf({ zoneFile }), log)).zone, undefined);
  assert.equal(log.lines.length, 0);
  await writeFile(zoneFile, "eu 1//rack");
  assert.equal((await withZone(configOf({ zoneFile }), log)).zone, undefined);
  assert.equal((await withZone(configOf({ zoneFile: join(dir.path, "none") }), log)).zone, undefined);
  assert.deepEqual(
    log.lines.map(({ message }) => message.split(";")[0]),
    ["zone file holds no zone (names with / between)", "zone file cannot be read"],
  );
});
