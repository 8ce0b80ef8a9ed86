import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { silentLog, StartError } from "@darner/runtime";
import { noLeaks, openTempDir } from "@darner/testkit";
import { openApiTokens } from "./api-tokens.ts";

noLeaks();

test("every token of the file opens, nothing else does, and the file counts anew with every request", async () => {
  await using dir = await openTempDir();
  const path = join(dir.path, "tokens");
  await writeFile(path, "old\n\n new \n");
  const tokens = await openApiTokens(dir.path, path, silentLog);
  for (const wrong of [undefined, "", "Bearer", "Bearer ", "Bearer wrong", "Bearer old new", "Bearer OLD", "Basic old"])
    assert.equal(await tokens.opens(wrong), false, wrong);
  for (const right of ["old", "new"]) assert.equal(await tokens.opens(`Bearer ${right}`), true);
  await writeFile(path, "rotated\n");
  assert.deepEqual([await tokens.opens("Bearer old"), await tokens.opens("Bearer rotated")], [false, true], "without a restart");
});

test("a token is made where none is given; a given file must be there and hold one", async () => {
  await using dir = await openTempDir();
  await openApiTokens(dir.path, undefined, silentLog);
  const made = await openApiTokens(dir.path, undefined, silentLog);
  const { readFile, stat } = await import("node:fs/promises");
  const token = (await readFile(join(dir.path, "api-token"), "utf8")).trim();
  assert.equal((await stat(join(dir.path, "api-token"))).mode & 0o777, 0o600);
  assert.equal(await made.opens(`Bearer ${token}`), true);
  const refused = (error: unknown): boolean => error instanceof StartError && error.detail.code === "file-unusable";
  await assert.rejects(openApiTokens(dir.path, join(dir.path, "none"), silentLog), refused);
  await writeFile(join(dir.path, "empty"), "\n");
  await assert.rejects(openApiTokens(dir.path, join(dir.path, "empty"), silentLog), refused);
});
