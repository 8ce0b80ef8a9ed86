import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { noLeaks, openScriptedRegistry, openTempDir, randomBlob, type ScriptedRegistry, type TempDir } from "@darner/testkit";
import { runHere, type Ran } from "../../test/run-here.ts";

let mirror: ScriptedRegistry;
let dir: TempDir;
before(async () => void (mirror = await openScriptedRegistry()));
after(() => mirror.close());
beforeEach(async () => void (dir = await openTempDir()));
afterEach(async () => {
  mirror.clearFaults();
  await dir[Symbol.asyncDispose]();
});
noLeaks();

const blob = randomBlob("get", 250_000);
const file = (): string => join(dir.path, "out");

function get(digest: string = blob.digest, flags: readonly string[] = []): Promise<Ran> {
  return runHere(["get", `registry.example/team/app@${digest}`, "-o", file(), "--mirror", mirror.host, ...flags]);
}

test("a blob becomes a file with its bytes", async () => {
  mirror.content.pushBlob("team/app", blob.bytes);
  const { code, out, err } = await get();
  assert.equal(err, "");
  assert.equal(code, 0);
  assert.equal(out, `${blob.digest} 244.1 KiB in ${file()}\n`);
  assert.deepEqual(new Uint8Array(readFileSync(file())), blob.bytes);
  assert.deepEqual(readdirSync(dir.path), ["out"]);
  assert.deepEqual(JSON.parse((await get(blob.digest, ["--json"])).out), { digest: blob.digest, bytes: 250_000, file: file() });
});

test("the empty blob becomes an empty file", async () => {
  const empty = mirror.content.pushBlob("team/app", new Uint8Array());
  assert.equal((await get(empty.digest)).code, 0);
  assert.equal(readFileSync(file()).length, 0);
});

test("wrong bytes leave what was there before, and no part of themselves", async () => {
  mirror.content.pushBlob("team/app", blob.bytes);
  writeFileSync(file(), "before");
  mirror.fault({ when: { kind: "blob" }, do: { kind: "corrupt", offset: 100 } });
  const { code, err } = await get();
  assert.equal(code, 1);
  assert.match(err, new RegExp(`the bytes that came are not ${blob.digest}`));
  assert.equal(readFileSync(file(), "utf8"), "before");
  assert.deepEqual(readdirSync(dir.path), ["out"]);
});

test("a body that ends short is resumed, a chunked one of unknown size is taken whole", async () => {
  mirror.content.pushBlob("team/app", blob.bytes);
  mirror.fault({ when: { kind: "blob" }, times: 2, do: { kind: "cut", afterBytes: 90_000 } });
  assert.equal((await get()).code, 0);
  mirror.fault({ when: { kind: "blob" }, do: { kind: "chunked" } });
  assert.equal((await get()).code, 0);
});

test("a mirror that does not resume where the stream broke off is an error, not a longer file", async () => {
  mirror.content.pushBlob("team/app", blob.bytes);
  mirror.fault({ when: { kind: "blob", ranged: false }, do: { kind: "cut", afterBytes: 90_000 } });
  mirror.fault({ when: { kind: "blob", ranged: true }, do: { kind: "ignore-range" } });
  const { code, err } = await get();
  assert.equal(code, 1);
  assert.match(err, /did not resume/);
  assert.deepEqual(readdirSync(dir.path), []);
});

test("sha512 is checked like sha256", async () => {
  const digest = `sha512:${createHash("sha512").update(blob.bytes).digest("hex")}`;
  // The scripted registry knows blobs by sha256; which bytes come is what counts here.
  mirror.content.pushBlob("team/app", blob.bytes);
  mirror.fault({
    when: { kind: "blob" },
    do: { kind: "redirect", to: { location: `${mirror.origin}/v2/team/app/blobs/${blob.digest}` } },
    times: 1,
  });
  assert.equal((await get(digest)).code, 0);
  const wrong = `sha512:${"0".repeat(128)}`;
  mirror.fault({
    when: { kind: "blob" },
    do: { kind: "redirect", to: { location: `${mirror.origin}/v2/team/app/blobs/${blob.digest}` } },
    times: 1,
  });
  const { code, err } = await get(wrong);
  assert.equal(code, 1);
  assert.match(err, /are not sha512:000/);
});

test("a file that cannot be written is an error that names it", async () => {
  mirror.content.pushBlob("team/app", blob.bytes);
  const path = join(dir.path, "no", "such", "folder");
  const { code, err } = await runHere(["get", `registry.example/team/app@${blob.digest}`, "-o", path, "--mirror", mirror.host]);
  assert.equal(code, 1);
  assert.ok(err.includes(path), err);
});
