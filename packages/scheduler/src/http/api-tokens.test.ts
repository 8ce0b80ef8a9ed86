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
  const tokens = await openApiTokens(dir.path, { tokenFile: path }, silentLog);
  for (const wrong of [undefined, "", "Bearer", "Bearer ", "Bearer wrong", "Bearer old new", "Bearer OLD", "Basic old"])
    assert.equal(await tokens.opens({ authorization: wrong }), false, wrong);
  for (const right of ["old", "new"]) assert.equal(await tokens.opens({ authorization: `Bearer ${right}` }), true);
  await writeFile(path, "rotated\n");
  assert.deepEqual(
    [await tokens.opens({ authorization: "Bearer old" }), await tokens.opens({ authorization: "Bearer rotated" })],
    [false, true],
    "without a restart",
  );
});

test("a token is made where none is given; a given file must be there and hold one", async () => {
  await using dir = await openTempDir();
  await openApiTokens(dir.path, {}, silentLog);
  const made = await openApiTokens(dir.path, {}, silentLog);
  const { readFile, stat } = await import("node:fs/promises");
  const token = (await readFile(join(dir.path, "api-token"), "utf8")).trim();
  assert.equal((await stat(join(dir.path, "api-token"))).mode & 0o777, 0o600);
  assert.equal(await made.opens({ authorization: `Bearer ${token}` }), true);
  const refused = (error: unknown): boolean => error instanceof StartError && error.detail.code === "file-unusable";
  await assert.rejects(openApiTokens(dir.path, { tokenFile: join(dir.path, "none") }, silentLog), refused);
  await writeFile(join(dir.path, "empty"), "\n");
  await assert.rejects(openApiTokens(dir.path, { tokenFile: join(dir.path, "empty") }, silentLog), refused);
});

test("a token opens as X-Api-Key, too; a name and a password do where there is a file of them, and what Harbor's page makes of these never", async () => {
  await using dir = await openTempDir();
  const [tokenFile, basicFile] = [join(dir.path, "tokens"), join(dir.path, "basic")];
  await writeFile(tokenFile, "token\n");
  const basic = (text: string): object => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });
  const closed = await openApiTokens(dir.path, { tokenFile }, silentLog);
  assert.equal(await closed.opens({ "x-api-key": "token" }), true);
  for (const wrong of [
    { "x-api-key": "other" },
    { "x-api-key": "" },
    { authorization: "Bearer other", "x-api-key": "token" },
    basic("alice:secret"),
  ])
    assert.equal(await closed.opens(wrong), false, JSON.stringify(wrong));
  await writeFile(basicFile, "alice:secret\nbob:with:colons\n");
  const open = await openApiTokens(dir.path, { tokenFile, basicFile }, silentLog);
  for (const right of ["alice:secret", "bob:with:colons"]) assert.equal(await open.opens(basic(right)), true, right);
  for (const wrong of ["username:alice", "password:secret", "alice:", "alice", "alice:secret\nbob:with:colons", "token"])
    assert.equal(await open.opens(basic(wrong)), false, wrong);
  const refused = (error: unknown): boolean => error instanceof StartError && error.message.includes("api.basicFile");
  for (const text of ["", "alice", "username:alice\n", "alice:secret\nPassword:secret\n"]) {
    await writeFile(basicFile, text);
    await assert.rejects(openApiTokens(dir.path, { tokenFile, basicFile }, silentLog), refused, text);
  }
  await assert.rejects(openApiTokens(dir.path, { tokenFile, basicFile: join(dir.path, "none") }, silentLog), refused);
});
