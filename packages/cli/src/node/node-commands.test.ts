import assert from "node:assert/strict";
import { chown, lstat, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { noLeaks, openScriptedApiServer, openTempDir, type ScriptedApiServer } from "@darner/testkit";
import { UsageError, type CommandContext, type ExitCode } from "../command.ts";
import { runNodeClear } from "./run-node-clear.ts";
import { runNodeInit } from "./run-node-init.ts";
import { runPrePull } from "./run-pre-pull.ts";

noLeaks();

const SET = "/apis/apps/v1/namespaces/darner/daemonsets/pre";
// Nobody listens there.
const GONE = "http://127.0.0.1:9/livez";

type Said = { readonly code: ExitCode; readonly out: string; readonly err: string };

async function run(
  command: (context: CommandContext) => Promise<ExitCode>,
  argv: readonly string[],
  signal = new AbortController().signal,
): Promise<Said> {
  const said = { out: "", err: "" };
  const terminal = {
    out: (text: string) => void (said.out += text),
    err: (text: string) => void (said.err += text),
    live: false,
    columns: 80,
  };
  const code = await command({ argv, env: {}, terminal, signal });
  return { code, ...said };
}

function apiFlags(api: ScriptedApiServer): string[] {
  return ["--api-server", api.apiServer, "--api-ca", api.caFile, "--api-token", api.tokenFile];
}

suite("darner node-init", () => {
  test("makes the daemon's directory its own, and what a daemon of another user left in it", async (t) => {
    if (process.getuid?.() !== 0) {
      t.skip("only root can give files away");
      return;
    }
    await using dir = await openTempDir();
    const [fresh, old] = [join(dir.path, "fresh/daemon"), join(dir.path, "old")];
    await mkdir(join(old, "blobs"), { recursive: true });
    await writeFile(join(old, "blobs/one"), "x");
    for (const own of [fresh, old]) assert.equal((await run(runNodeInit, ["--own", own, "--as", "65532:65533"])).code, 0);
    for (const path of [fresh, old, join(old, "blobs/one")]) {
      const { uid, gid } = await lstat(path);
      assert.deepEqual([uid, gid], [65_532, 65_533]);
    }
    assert.equal((await stat(fresh)).mode & 0o777, 0o700);
    // What is the daemon's already is not looked through: at a start with many blobs that would take long.
    await chown(join(old, "blobs/one"), 0, 0);
    await run(runNodeInit, ["--own", old, "--as", "65532:65533"]);
    assert.equal((await lstat(join(old, "blobs/one"))).uid, 0);
  });

  test("writes where the node stands, and an empty file where that cannot be had", async () => {
    await using dir = await openTempDir();
    const labels = { "topology.kubernetes.io/region": "eu-1", "topology.kubernetes.io/zone": "eu-1a" };
    await using api = await openScriptedApiServer({ "/api/v1/nodes/n1": { metadata: { resourceVersion: "1", labels } } });
    const zoneFile = join(dir.path, "zone");
    const words = ["--zone-file", zoneFile, ...apiFlags(api)];
    assert.equal((await run(runNodeInit, [...words, "--node", "n1"])).code, 0);
    assert.equal(await readFile(zoneFile, "utf8"), "eu-1/eu-1a\n");
    const { code, err } = await run(runNodeInit, [...words, "--node", "n2"]);
    assert.equal(code, 0);
    assert.match(err, /the zone of n2 is not known .*404.*; the daemon starts without one/);
    assert.equal(await readFile(zoneFile, "utf8"), "");
  });

  test("says what is missing", async () => {
    await assert.rejects(run(runNodeInit, ["--own", "/x"]), UsageError);
    await assert.rejects(run(runNodeInit, ["--zone-file", "/x"]), UsageError);
  });
});

suite("darner node-clear", () => {
  test("removes what was kept and the folder above it when that is empty, and nothing else", async () => {
    await using dir = await openTempDir();
    const root = dir.path;
    await mkdir(join(root, "var/lib/darner/daemon/blobs"), { recursive: true });
    await mkdir(join(root, "var/lib/darner/node-setup"), { recursive: true });
    await run(runNodeClear, ["--gone", GONE, "--root", root, "/var/lib/darner/daemon"]);
    assert.ok(await stat(join(root, "var/lib/darner/node-setup")));
    await assert.rejects(stat(join(root, "var/lib/darner/daemon")));
    const { code } = await run(runNodeClear, ["--gone", GONE, "--root", root, "/var/lib/darner/node-setup", "/var/lib/never/there"]);
    assert.equal(code, 0);
    await assert.rejects(stat(join(root, "var/lib/darner")));
    assert.ok(await stat(join(root, "var/lib")));
  });

  test("removes nothing that is too near to the top", async () => {
    for (const path of ["/", "/var", "/var/lib", "var/lib/darner/x", "/var/lib/x/../.."]) {
      await assert.rejects(run(runNodeClear, ["--gone", GONE, "--root", "/nowhere", path]), UsageError);
    }
  });
});

suite("darner pre-pull", () => {
  test("waits until the pods of the daemon set are ready on every node", async () => {
    const status = { observedGeneration: 2, numberReady: 1, desiredNumberScheduled: 2 };
    await using api = await openScriptedApiServer({ [SET]: { metadata: { resourceVersion: "1", generation: 2 }, status } });
    api.meddle = () => {
      api.objects.set(SET, { metadata: { generation: 2 }, status: { ...status, numberReady: api.asked.length } });
      return undefined;
    };
    const { code, err } = await run(runPrePull, ["--wait-for", "darner/pre", ...apiFlags(api)]);
    assert.equal(code, 0);
    assert.match(err, /1 of 2 nodes are done\n2 of 2 nodes are done/);
  });

  test("stops nobody where a node is late, or the API server says no", async () => {
    await using api = await openScriptedApiServer({
      [SET]: { metadata: { resourceVersion: "1", generation: 2 }, status: { observedGeneration: 1 } },
    });
    const late = await run(runPrePull, ["--wait-for", "darner/pre", "--timeout", "0", ...apiFlags(api)]);
    assert.equal(late.code, 0);
    assert.match(late.err, /nobody has looked at the daemon set yet\ndarner: not every node is done in time/);
    const none = await run(runPrePull, ["--wait-for", "darner/none", "--timeout", "0", ...apiFlags(api)]);
    assert.equal(none.code, 0);
    assert.match(none.err, /404.*no such object/);
  });

  test("without anything to wait for does nothing until it is asked to end", async () => {
    const asked = new AbortController();
    const held = run(runPrePull, [], asked.signal);
    asked.abort();
    assert.equal((await held).code, 0);
  });
});
