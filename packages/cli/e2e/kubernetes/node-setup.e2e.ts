import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { buildImage } from "@darner/testkit";
import { darnerCommand } from "../harness/darner-command.ts";
import { DockerRegistry } from "../harness/docker-registry.ts";
import { Network, type NetworkHost } from "../harness/network.ts";
import { Running } from "../harness/running.ts";
import { run, until } from "../harness/shell.ts";
import { containerdReleases } from "../pods/containerd-releases.ts";
import { NodeRuntime, writeNodeFiles } from "../pods/node-runtime.ts";
import { snapshotOf } from "../pods/node-snapshot.ts";

// What the runtime itself writes, and what node set-up remembers while it runs.
const NOT_COMPARED = ["var/lib/containerd", "run/containerd", "tmp", "state"];
const ADMIN = "127.0.0.1:4104";

const dir = mkdtempSync(join(tmpdir(), "darner-setup-"));
const releases = await containerdReleases();
let network: Network;
let registry: DockerRegistry;

before(async () => {
  network = await Network.open("setup");
  registry = await DockerRegistry.open(await network.add("registry"), join(dir, "registry"));
  await registry.push(buildImage({ layers: [{ bytes: 200_000, seed: 1, format: "tar" }] }), "team/app", "v1");
  writeFileSync(join(dir, "hosts"), "127.0.0.1 localhost\n");
});
after(async () => {
  await registry[Symbol.asyncDispose]();
  await network[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

/** A node: its namespace, its files, its containerd. */
type Node = AsyncDisposable & { readonly host: NetworkHost; readonly root: string; readonly runtime: NodeRuntime };

let nodes = 0;

async function openNode(release: (typeof releases)[number], edit: (config: string) => string = (config) => config): Promise<Node> {
  nodes += 1;
  const host = await network.add(`n${String(nodes)}`);
  const root = join(dir, `n${String(nodes)}`, "root");
  writeNodeFiles(root, { version: release.version, registry: registry.name });
  const file = join(root, "etc", "containerd", "config.toml");
  writeFileSync(file, edit(readFileSync(file, "utf8")));
  const runtime = await NodeRuntime.open(host, root, release, join(dir, "hosts"));
  return { host, root, runtime, [Symbol.asyncDispose]: () => runtime[Symbol.asyncDispose]() };
}

function startDaemon({ host, root }: Node): Running {
  const data = join(root, "..", "daemon");
  mkdirSync(data, { recursive: true });
  return new Running({
    name: "darner daemon",
    command: darnerCommand("daemon"),
    logFile: join(data, "log"),
    namespace: host.namespace,
    env: {
      DARNER_DATA_DIR: join(data, "data"),
      DARNER_STORE_MIN_FREE_BYTES: "1MiB",
      DARNER_JOIN_INSECURE: "true",
      DARNER_ADVERTISE: "127.0.0.1",
      DARNER_LISTEN_PIECES: "127.0.0.1:4102",
      DARNER_LISTEN_P2P: "127.0.0.1:4103",
      DARNER_REGISTRIES: JSON.stringify({ [registry.name]: { plainHttp: true } }),
    },
  });
}

/** Starts node set-up; `readOnly`: with the node's /etc mounted so for this process. */
function startSetup({ host, root }: Node, readOnly = false): Running {
  const etc = join(root, "etc");
  const mount = `mount --bind ${etc} ${etc} && mount -o remount,ro,bind ${etc} && exec "$0" "$@"`;
  const prefix = readOnly ? ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount] : [];
  const words = ["node-setup", "--root", root, "--state-dir", "/state", "--admin", ADMIN];
  return new Running({
    name: "darner node-setup",
    command: [...prefix, ...darnerCommand(...words)],
    logFile: join(root, "..", "setup.log"),
    namespace: host.namespace,
  });
}

/** What the daemon tells of node set-up. */
type Status = { readonly nodeSetup: { readonly state: string; readonly probe: string; readonly problem: string } | null };

async function statusOf({ host }: Node): Promise<Status | undefined> {
  const { ok, stdout } = await run(["curl", "-sf", "-m", "5", `http://${ADMIN}/api/v1/status`], { namespace: host.namespace });
  return ok ? (JSON.parse(stdout) as Status) : undefined;
}

/** Waits until the daemon was told this of node set-up. */
async function told(node: Node, setup: Running, state: string, probe: string): Promise<void> {
  await until(
    `node set-up to be ${state}, its probe ${probe}: ${setup.logFile}`,
    async () => {
      if (!setup.alive) throw new Error(setup.log());
      const row = (await statusOf(node))?.nodeSetup;
      return row?.state === state && row.probe === probe ? true : undefined;
    },
    120_000,
  );
}

const image = (): string => `${registry.name}/team/app:v1`;

for (const release of releases) {
  test(`containerd ${release.version}: told, proven by a probe pull, pulls through the mirror; every file back when it ends`, async () => {
    await using node = await openNode(release);
    const files = snapshotOf(node.root, NOT_COMPARED);
    await using daemon = startDaemon(node);
    await using setup = startSetup(node);
    await told(node, setup, "held", "arrived");
    registry.mark();
    assert.equal(await node.runtime.pull(image()), "pulled");
    assert.deepEqual(registry.fallbacks(), [], "containerd asked the mirror for everything");
    const { stdout } = await run([...darnerCommand("doctor", "--json", "--root", node.root)], { namespace: node.host.namespace });
    const { items } = JSON.parse(stdout) as { items: { id: string; severity: string; finding: string }[] };
    assert.deepEqual(
      items.filter(({ severity }) => severity === "error"),
      [],
    );
    assert.ok(
      items.some(({ id, severity, finding }) => id === "runtime.probe" && severity === "ok" && finding.includes("came to the mirror")),
    );
    await setup.stop();
    assert.equal(setup.exitCode, 0);
    assert.deepEqual(snapshotOf(node.root, NOT_COMPARED), files);
    assert.ok(daemon.alive);
  });

  test(`containerd ${release.version}: a daemon that is gone takes the lease with it, and the node pulls from the registry`, async () => {
    await using node = await openNode(release);
    const files = snapshotOf(node.root, NOT_COMPARED);
    await using daemon = startDaemon(node);
    await using setup = startSetup(node);
    await told(node, setup, "held", "arrived");
    await daemon.kill();
    const isAsBefore = (): true | undefined => (snapshotOf(node.root, NOT_COMPARED).join("\n") === files.join("\n") ? true : undefined);
    await until("every file to be back", isAsBefore, 120_000);
    assert.equal(await node.runtime.pull(image()), "pulled");
    assert.ok(setup.alive);
  });
}

test("a node without config_path is left as it is, and the lines to add are in the log", async () => {
  const [release] = releases;
  assert.ok(release);
  await using node = await openNode(release, (config) => config.replace(/^.*config_path.*$/m, ""));
  const files = snapshotOf(node.root, NOT_COMPARED);
  await using daemon = startDaemon(node);
  await using setup = startSetup(node);
  await told(node, setup, "refused", "none");
  assert.match(setup.log(), /config_path = .*\/etc\/containerd\/certs\.d/);
  assert.deepEqual(snapshotOf(node.root, NOT_COMPARED), files);
  assert.ok(daemon.alive);
});

test("a node whose /etc is read-only keeps pulling from the registry; node, file and next step are in the log and in what the daemon tells", async () => {
  const [release] = releases;
  assert.ok(release);
  await using node = await openNode(release);
  const files = snapshotOf(node.root, NOT_COMPARED);
  await using daemon = startDaemon(node);
  await using setup = startSetup(node, true);
  await told(node, setup, "refused", "none");
  const line = setup
    .log()
    .split("\n")
    .find((text) => text.includes("node set-up problem"));
  const { node: name, problem } = JSON.parse(line ?? "{}") as { node?: string; problem?: string };
  assert.equal(name, hostname());
  assert.match(
    problem ?? "",
    /^\/etc\/containerd\/certs\.d\/_default\/hosts\.toml, .* cannot be written \(.*EROFS.*make the directory writable/,
  );
  assert.equal((await statusOf(node))?.nodeSetup?.problem, problem);
  registry.mark();
  assert.equal(await node.runtime.pull(image()), "pulled");
  assert.ok(registry.fallbacks().length > 0);
  await setup.stop();
  assert.deepEqual(snapshotOf(node.root, NOT_COMPARED), files);
  assert.ok(daemon.alive);
});

for (const release of releases.filter(({ version }) => version.startsWith("2."))) {
  test(`containerd ${release.version} with a list of directories: the link makes it read the first, and a probe proves it`, async () => {
    const list = 'config_path = "/etc/containerd/certs.d:/etc/docker/certs.d"';
    await using node = await openNode(release, (config) => config.replace(/config_path = .*/, list));
    await using daemon = startDaemon(node);
    await using setup = startSetup(node);
    await told(node, setup, "held", "arrived");
    assert.equal(await node.runtime.pull(image()), "pulled");
    assert.ok(daemon.alive);
  });
}
