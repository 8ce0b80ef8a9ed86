import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openTempDir, randomBlob, type TempDir } from "@darner/testkit";
import { runHere } from "../../test/run-here.ts";
import { openSmallCluster } from "../../test/small-cluster.ts";

const blob = randomBlob("replay", 1_500_000);
const other = randomBlob("replay, other", 300_000);
let dir: TempDir;
let journal: string;
let hosts: readonly string[];

before(async () => {
  dir = await openTempDir();
  await using cluster = await openSmallCluster();
  for (const { bytes } of [blob, other]) cluster.registry.content.pushBlob("team/app", bytes);
  for (const daemon of cluster.daemons) {
    for (const { digest } of [blob, other]) {
      const target = join(cluster.dir.path, "blob");
      const got = await runHere(["get", `${cluster.registry.host}/team/app@${digest}`, "-o", target, "--mirror", daemon.addresses.mirror]);
      assert.equal(got.code, 0, got.err);
    }
  }
  hosts = cluster.daemons.map(({ host }) => host);
  await cluster.stopScheduler();
  journal = join(dir.path, "journal");
  await writeFile(journal, await readFile(cluster.journal));
});
after(async () => {
  await dir[Symbol.asyncDispose]();
});

test("replay tells what happened, what was decided and why, and proves that it was so", async () => {
  const { code, out, err } = await runHere(["replay", journal]);
  assert.equal(err, "");
  assert.equal(code, 0, out);
  const [first = "", second = ""] = hosts.map((host) => host.slice(-8));
  const task = blob.digest.slice(7, 19);
  assert.match(out, new RegExp(`^ +\\d+\\.\\d{3}  …${first} joined at 127\\.0\\.0\\.1:\\d+$`, "m"));
  assert.match(out, new RegExp(`${task}  …${first} wants it \\(1\\.4 MiB\\) through 127\\.0\\.0\\.1:\\d+, may read the source`));
  assert.match(out, new RegExp(`→ ${task}  …${first} reads pieces? 0\\S* from the source: nobody read it before \\(grant \\d+\\)`));
  assert.match(out, new RegExp(`→ ${task}  …${second} takes pieces? 0\\S* from …${first} \\(grant \\d+\\)`));
  assert.match(out, /^replay +faithful: every decision is the recorded one \(check [0-9a-f]{8}\)$/m);
  assert.match(out, /^journal .+ until its scheduler was stopped$/m);
  assert.match(out, new RegExp(`^task +${blob.digest} 1\\.4 MiB, 6 pieces\n +2 hosts wanted it, 2 proved it$`, "m"));
  assert.match(out, /^ +source: 1\.4 MiB first-read \(1\.000 of the blob\)$/m);
});

test("what is shown can be narrowed to a blob, a host and a time; the sum stays that of the whole", async () => {
  const steps = async (...flags: string[]): Promise<string> => {
    const { code, out } = await runHere(["replay", journal, ...flags]);
    assert.equal(code, 0);
    assert.match(out, /^hosts +2 joined/m);
    return out.slice(0, out.indexOf("\njournal "));
  };
  const byDigest = await steps("--digest", blob.digest);
  assert.ok(byDigest.includes(blob.digest.slice(7, 19)) && !byDigest.includes(other.digest.slice(7, 19)));
  const [, second = ""] = hosts;
  const byHost = await steps("--host", second.slice(-8));
  assert.ok(byHost.includes(" takes piece") && !byHost.includes(" reads piece"));
  assert.equal((await steps("--from", "86400")).trim(), "");
  assert.ok((await steps("--to", "86400", "--digest", blob.digest.slice(0, 12))).includes("wants it"));
  assert.ok(!(await runHere(["replay", journal, "--summary"])).out.includes("wants it"));
});

test("--json is one object a line, the last one the sum", async () => {
  const { code, out } = await runHere(["replay", journal, "--json"]);
  assert.equal(code, 0);
  const lines = out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const last = lines.at(-1) as { verdict: { differsAt?: number }; summary: { hostsJoined: number }; journal: { schema: number } };
  assert.deepEqual([last.summary.hostsJoined, last.verdict.differsAt, last.journal.schema], [2, undefined, 1]);
  const effects = lines.flatMap((line) => (line["effects"] ?? []) as { type: string; cause?: string }[]);
  assert.deepEqual([...new Set(effects.flatMap(({ cause }) => (cause === undefined ? [] : [cause])))], ["first-read"]);
});

test("a journal that was changed is not believed: the first line that differs is named, exit code 1", async () => {
  const changed = join(dir.path, "changed");
  const text = await readFile(journal, "utf8");
  await writeFile(changed, text.replace('"access":"own"', '"access":"none"').replace('"access":"caller"', '"access":"none"'));
  const { code, out } = await runHere(["replay", changed, "--summary"]);
  assert.equal(code, 1);
  assert.match(out, /^replay +NOT faithful: from line \d+ on this core decides otherwise/m);
});

test("files that are no journal, and wrong words, are told", async () => {
  const garbage = join(dir.path, "garbage");
  await writeFile(garbage, "this\nis none\n");
  assert.deepEqual(await runHere(["replay", garbage]), { code: 1, out: "", err: `darner: ${garbage}: line 1: it is no JSON\n` });
  const missing = await runHere(["replay", join(dir.path, "missing")]);
  assert.equal(missing.code, 1);
  assert.match(missing.err, /missing: ENOENT/);
  for (const wrong of [[], [journal, journal], [journal, "--from", "soon"], [journal, "--digest", "XYZ"], [journal, "--host", "0Il"]]) {
    const { code, err } = await runHere(["replay", ...wrong]);
    assert.equal(code, 2);
    assert.match(err, /^darner replay: /);
  }
});
