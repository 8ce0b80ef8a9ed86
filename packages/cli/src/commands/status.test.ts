import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openDaemon, type DaemonStatus, type RunningDaemon } from "@darner/daemon";
import { loadConfig, silentLog, upDefaults } from "@darner/runtime";
import { openScriptedRegistry, openTempDir, randomBlob, type ScriptedRegistry, type TempDir } from "@darner/testkit";
import { statusText } from "../status-text.ts";
import { runHere } from "../../test/run-here.ts";

const blob = randomBlob("status", 100_000);
let dir: TempDir;
let registry: ScriptedRegistry;
let here: RunningDaemon;
let there: RunningDaemon;

before(async () => {
  dir = await openTempDir();
  registry = await openScriptedRegistry();
  [here, there] = await Promise.all([openOne("here"), openOne("there")]);
});
after(async () => {
  await here[Symbol.asyncDispose]();
  await there[Symbol.asyncDispose]();
  await registry.close();
  await dir[Symbol.asyncDispose]();
});

function openOne(name: string): Promise<RunningDaemon> {
  const listen = Object.fromEntries(["mirror", "pieces", "p2p", "admin", "metrics", "grpc", "http"].map((door) => [door, "127.0.0.1:0"]));
  const registries = { [registry.host]: { plainHttp: true } };
  const defaults = upDefaults(join(dir.path, name));
  const loaded = loadConfig({
    env: {},
    flags: {},
    defaults: (given) => ({
      ...defaults(given),
      name,
      listen,
      schedulers: [],
      registries,
      store: { maxBytes: "1GiB", minFreeBytes: "1MiB" },
    }),
  });
  assert.ok(loaded.ok);
  return openDaemon(loaded.config, { log: silentLog });
}

test("status tells people who the daemon is, where its doors are and what it holds", async () => {
  registry.content.pushBlob("team/app", blob.bytes);
  const got = await runHere([
    "get",
    `${registry.host}/team/app@${blob.digest}`,
    "-o",
    join(dir.path, "blob"),
    "--mirror",
    here.addresses.mirror,
  ]);
  assert.equal(got.code, 0, got.err);
  const { code, out, err } = await runHere(["status", "--admin", here.addresses.admin]);
  assert.equal(err, "");
  assert.equal(code, 0);
  assert.match(out, new RegExp(`^host       ${here.host} \\(here\\)$`, "m"));
  assert.match(out, new RegExp(`^mirror     http://${here.addresses.mirror}$`, "m"));
  assert.match(out, /^scheduler  none configured$/m);
  assert.match(out, /^store      97\.7 KiB of 1\.0 GiB, 1 blob$/m);
  assert.match(out, /^received   97\.7 KiB from the source, 0 B from other hosts$/m);
});

test("status tells which scheduler is followed since when, which ones stand by, and which do not answer", async () => {
  const { out } = await runHere(["status", "--json", "--admin", here.addresses.admin]);
  const text = statusText({
    ...(JSON.parse(out) as DaemonStatus),
    scheduler: "scheduler",
    schedulerSeconds: 65,
    schedulerSessions: [
      { address: "a:4110", name: "scheduler", state: "active", reach: { reached: 3, hosts: 4 } },
      { address: "b:4110", name: "scheduler-1", state: "standby", reach: null },
      { address: "c:4110", name: null, state: "absent", reach: null },
    ],
  });
  assert.match(
    text,
    /^scheduler  scheduler at a:4110, followed for 1 min 5 s, answers 3 of 4 hosts\n {11}standby scheduler-1 at b:4110\n {11}c:4110 does not answer$/m,
  );
});

test("status --json is one object with plain numbers, and the variable names the daemon as the flag does", async () => {
  const { out } = await runHere(["status", "--json"], { env: { DARNER_LISTEN_ADMIN: there.addresses.admin } });
  const status = JSON.parse(out) as DaemonStatus;
  assert.equal(status.host, there.host);
  assert.deepEqual(status.addresses, there.addresses);
  assert.deepEqual(status.bytes, { source: 0, parent: 0, disk: 0, uploaded: 0 });
});

test("status of another host is asked peer to peer", async () => {
  const { code, out, err } = await runHere([
    "status",
    "--json",
    "--admin",
    here.addresses.admin,
    "--host",
    there.host,
    "--address",
    there.addresses.p2p,
  ]);
  assert.equal(err, "");
  assert.equal(code, 0);
  const status = JSON.parse(out) as DaemonStatus;
  assert.deepEqual([status.host, status.name], [there.host, "there"]);
});

test("a host that is not who it should be tells nothing", async () => {
  const { code, out, err } = await runHere([
    "status",
    "--admin",
    here.addresses.admin,
    "--host",
    here.host,
    "--address",
    there.addresses.p2p,
  ]);
  assert.equal(code, 1);
  assert.equal(out, "");
  assert.match(err, /^darner: the daemon answered 502: host .* did not answer/);
});

test("a host id that is none is told", async () => {
  const { code, err } = await runHere(["status", "--admin", here.addresses.admin, "--host", "nobody", "--address", there.addresses.p2p]);
  assert.equal(code, 1);
  assert.match(err, /the daemon answered 400: the path needs a host id/);
});
