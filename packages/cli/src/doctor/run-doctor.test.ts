import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { openDaemon, type RunningDaemon } from "@darner/daemon";
import { loadConfig, silentLog, upDefaults } from "@darner/runtime";
import { noLeaks, openTempDir, type TempDir } from "@darner/testkit";
import { runHere } from "../../test/run-here.ts";
import type { Finding } from "./finding.ts";

let dir: TempDir;
let daemon: RunningDaemon;
before(async () => {
  dir = await openTempDir();
  const listen = Object.fromEntries(["mirror", "pieces", "p2p", "admin", "metrics", "grpc", "http"].map((door) => [door, "127.0.0.1:0"]));
  const defaults = upDefaults(join(dir.path, "data"));
  // Nobody listens on port 1.
  const own = { name: "here", listen, schedulers: ["127.0.0.1:1"], store: { maxBytes: "1GiB", minFreeBytes: "1MiB" } };
  const loaded = loadConfig({ env: {}, flags: {}, defaults: (given) => ({ ...defaults(given), ...own }) });
  assert.ok(loaded.ok);
  daemon = await openDaemon(loaded.config, { log: silentLog });
});
after(async () => {
  await daemon[Symbol.asyncDispose]();
  await dir[Symbol.asyncDispose]();
});
noLeaks();

type Report = { readonly ok: boolean; readonly items: Finding[] };

/** What the doctor finds on a node with these files. */
async function examine(
  name: string,
  files: Readonly<Record<string, string>>,
  admin = daemon.addresses.admin,
): Promise<Report & { code: number }> {
  const root = join(dir.path, name);
  for (const [path, text] of Object.entries({ "/var/lib/x": "", ...files })) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  const { code, out } = await runHere(["doctor", "--json", "--root", root, "--admin", admin, "--mirror", daemon.addresses.mirror]);
  return { ...(JSON.parse(out) as Report), code };
}

const CONFIG = 'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n';
const told = (url: string): string => `[host."${url}"]\n  capabilities = ["pull", "resolve"]\n`;

function severityOf(report: Report, id: string): string {
  return report.items.find((item) => item.id === id)?.severity ?? "not there";
}

test("a node that is not told of the mirror works, and the next step is named", async () => {
  const report = await examine("untold", { "/etc/containerd/config.toml": CONFIG });
  assert.equal(severityOf(report, "daemon.answers"), "ok");
  assert.equal(severityOf(report, "mirror.answers"), "ok");
  assert.equal(severityOf(report, "runtime.directory"), "ok");
  const item = report.items.find(({ id }) => id === "runtime.told");
  assert.equal(item?.severity, "warning");
  assert.match(item.fix, /darner configure containerd/);
});

test("no scheduler, no directory, a broken file, a mirror that others left: each is found, and has its fix", async () => {
  const bare = await examine("bare", { "/etc/containerd/config.toml": "version = 2\n" });
  assert.equal(severityOf(bare, "runtime.directory"), "error");
  assert.deepEqual(
    [severityOf(bare, "scheduler.followed"), severityOf(bare, "scheduler.reachable"), bare.ok, bare.code],
    ["error", "error", false, 1],
  );
  const files = { "/etc/containerd/config.toml": CONFIG, "/etc/containerd/certs.d/quay.io/hosts.toml": told("http://127.0.0.1:4001") };
  const foreign = await examine("foreign", { ...files, "/etc/containerd/certs.d/ghcr.io/hosts.toml": "[host." });
  assert.match(foreign.items.find(({ id }) => id === "runtime.foreign")?.finding ?? "", /quay\.io.*Dragonfly/);
  assert.ok(
    foreign.items.some(({ id, severity, finding }) => id === "runtime.told" && severity === "error" && finding.includes("ghcr.io")),
  );
  for (const { severity, fix } of [...bare.items, ...foreign.items]) assert.equal(fix === "", severity === "ok");
});

test("without a daemon the doctor says so and looks at the rest", async () => {
  const report = await examine("alone", { "/etc/containerd/config.toml": CONFIG }, "127.0.0.1:1");
  assert.equal(severityOf(report, "daemon.answers"), "error");
  assert.equal(severityOf(report, "runtime.directory"), "ok");
});

test("people read a line for each finding, and the next step below it", async () => {
  const { code, out } = await runHere(["doctor", "--no-node", "--admin", daemon.addresses.admin, "--mirror", daemon.addresses.mirror]);
  assert.equal(code, 1);
  assert.match(out, /^ok {4}daemon\.answers: here/m);
  assert.match(out, /^FAIL {2}scheduler\.followed: none answers .*\n {6}→ the daemon's log says why/m);
  assert.match(out, /[0-9]+ ok, [0-9]+ to look at, [0-9]+ failed\n$/);
});
