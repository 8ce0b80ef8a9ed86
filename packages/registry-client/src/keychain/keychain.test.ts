import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { openKeychain, type Keychain, type OwnCredential } from "@darner/registry-client";
import type { CredentialsConfig } from "@darner/runtime";
import { capturedLog, noLeaks, openTempDir, StoppedClock, type CapturedLog } from "@darner/testkit";

noLeaks();

const at = (registry: string, name = "team/app"): { registry: string; name: string } => ({ registry, name });
const auth = (user: string, password: string): object => ({ auth: Buffer.from(`${user}:${password}`).toString("base64") });
const userOf = (credential: OwnCredential | undefined): string | undefined =>
  credential?.kind === "password" ? `${credential.username}:${credential.password.reveal()}` : credential?.kind;

type Bench = AsyncDisposable & {
  readonly dir: string;
  readonly log: CapturedLog;
  readonly clock: StoppedClock;
  /** Writes a file in place of the one there, as an editor or the kubelet does. */
  write(name: string, content: unknown): string;
  /** Makes `docker-credential-NAME` of a shell script that notes each call in `calls`. */
  helper(name: string, script: string): void;
  open(config: Partial<CredentialsConfig>, env?: Record<string, string>): Promise<Keychain>;
};

async function openBench(): Promise<Bench> {
  const temp = await openTempDir();
  const dir = temp.path;
  const [log, clock] = [capturedLog(), new StoppedClock()];
  return {
    dir,
    log,
    clock,
    write: (name, content) => {
      const path = join(dir, name);
      writeFileSync(`${path}.new`, typeof content === "string" ? content : JSON.stringify(content));
      renameSync(`${path}.new`, path);
      return path;
    },
    helper: (name, script) => {
      const path = join(dir, `docker-credential-${name}`);
      writeFileSync(path, `#!/bin/sh\n${script}\n`);
      chmodSync(path, 0o755);
    },
    open: (config, env = {}) =>
      openKeychain(
        { files: [], directories: [], helperEnvironment: [], ...config },
        { log, timers: clock, env: { PATH: [dir, process.env["PATH"] ?? ""].join(delimiter), ...env } },
      ),
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}

test("the credential of the longest path wins, and of two files the one named first", async () => {
  await using bench = await openBench();
  const first = bench.write("a.json", { auths: { "r.corp": auth("wide", "1"), "r.corp/team": auth("team", "2") } });
  const second = bench.write("b.json", { auths: { "r.corp/team": auth("late", "3"), "r.corp/team/app": auth("app", "4") } });
  const keychain = await bench.open({ files: [first, second] });
  assert.equal(userOf(await keychain.find(at("r.corp", "other"))), "wide:1");
  assert.equal(userOf(await keychain.find(at("r.corp", "team/x"))), "team:2");
  assert.equal(userOf(await keychain.find(at("r.corp", "team/app"))), "app:4");
  assert.equal(await keychain.find(at("s.corp")), undefined);
  assert.deepEqual([keychain.covers(at("r.corp")), keychain.covers(at("s.corp"))], [true, false]);
});

test("pull secrets are found as Kubernetes mounts them, one in a directory or several below it", async () => {
  await using bench = await openBench();
  for (const name of ["one", "two"]) {
    const mount = join(bench.dir, "secrets", name);
    mkdirSync(join(mount, "..data"), { recursive: true });
    writeFileSync(join(mount, "..data", ".dockerconfigjson"), JSON.stringify({ auths: { [`${name}.corp`]: auth(name, "p") } }));
    symlinkSync(join("..data", ".dockerconfigjson"), join(mount, ".dockerconfigjson"));
  }
  const several = await bench.open({ directories: [join(bench.dir, "secrets")] });
  assert.equal(userOf(await several.find(at("two.corp"))), "two:p");
  const single = await bench.open({ directories: [join(bench.dir, "secrets", "one")] });
  assert.equal(userOf(await single.find(at("one.corp"))), "one:p");
  assert.equal(await single.find(at("two.corp")), undefined);
});

test("a file that changes counts within a second, one that breaks or goes away is told of and forgotten", async () => {
  await using bench = await openBench();
  const path = bench.write("c.json", { auths: { "r.corp": auth("old", "1") } });
  const keychain = await bench.open({ files: [path] });
  bench.write("c.json", { auths: { "r.corp": auth("young", "22") } });
  assert.equal(userOf(await keychain.find(at("r.corp"))), "old:1", "looked at a moment ago");
  bench.clock.advance(1000);
  assert.equal(userOf(await keychain.find(at("r.corp"))), "young:22");
  bench.write("c.json", "{ broken");
  bench.clock.advance(1000);
  assert.equal(await keychain.find(at("r.corp")), undefined);
  rmSync(path);
  bench.clock.advance(1000);
  assert.equal(await keychain.find(at("r.corp")), undefined);
  assert.match(bench.log.text(), /it is no JSON object/);
  assert.match(bench.log.text(), /it is not there/);
});

test("a helper is asked without a shell, with the server on its input, once for many, and again when its answer is old", async () => {
  await using bench = await openBench();
  bench.helper(
    "vault",
    `read server; echo "$server $1 $AWS_REGION [$SECRET_OF_THE_PROCESS]" >> ${bench.dir}/calls
echo '{"ServerURL":"r.corp","Username":"robot","Secret":"s1"}'`,
  );
  const path = bench.write("c.json", { credHelpers: { "r.corp": "vault" } });
  const env = { AWS_REGION: "eu-1", SECRET_OF_THE_PROCESS: "hidden" };
  const keychain = await bench.open({ files: [path], helperEnvironment: ["AWS_REGION"] }, env);
  assert.equal(keychain.covers(at("r.corp")), false, "not known yet");
  const found = await Promise.all([1, 2, 3].map(() => keychain.find(at("r.corp"))));
  assert.deepEqual(found.map(userOf), ["robot:s1", "robot:s1", "robot:s1"]);
  assert.equal(keychain.covers(at("r.corp")), true);
  assert.equal(readFileSync(join(bench.dir, "calls"), "utf8"), "r.corp get eu-1 []\n");
  bench.clock.advance(300_000);
  await keychain.find(at("r.corp"));
  assert.equal(readFileSync(join(bench.dir, "calls"), "utf8"), "r.corp get eu-1 []\n".repeat(2));
});

test("a store is asked for every registry no entry is for; its <token> is an identity token, and what it does not know is none", async () => {
  await using bench = await openBench();
  bench.helper(
    "desk",
    `read server; case "$server" in
https://index.docker.io/v1/) echo '{"Username":"<token>","Secret":"refresh"}';;
*) echo "credentials not found in native keychain"; exit 1;; esac`,
  );
  const path = bench.write("c.json", { auths: { "r.corp": auth("a", "b") }, credsStore: "desk" });
  const keychain = await bench.open({ files: [path] });
  assert.equal(userOf(await keychain.find(at("docker.io", "library/nginx"))), "identity-token");
  assert.equal(userOf(await keychain.find(at("r.corp"))), "a:b");
  assert.equal(await keychain.find(at("quay.io")), undefined);
  assert.equal(bench.log.text(), "", "knowing nothing is no trouble");
});

const TROUBLE: readonly (readonly [string, string | undefined, RegExp])[] = [
  ["missing", undefined, /there is no docker-credential-missing on the PATH/],
  ["garbage", "echo not json and a-secret", /did not print a JSON object/],
  ["fails", "echo a-secret >&2; exit 3", /ended with exit code 3/],
  ["floods", "exec head -c 300000 /dev/zero", /printed more than 64 KiB/],
];

for (const [name, script, why] of TROUBLE) {
  test(`a helper in trouble (${name}) is told of without what it printed, and the registry is read without it`, async () => {
    await using bench = await openBench();
    if (script !== undefined) bench.helper(name, script);
    const keychain = await bench.open({ files: [bench.write("c.json", { credHelpers: { "r.corp": name } })] });
    assert.equal(await keychain.find(at("r.corp")), undefined);
    assert.match(bench.log.text(), why);
    assert.ok(!bench.log.text().includes("a-secret"));
  });
}
