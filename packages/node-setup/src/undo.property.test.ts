import assert from "node:assert/strict";
import { chmod, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { Applier, NodeFiles, planRuntime, type RuntimeName, type Wish } from "@darner/node-setup";
import { noLeaks } from "@darner/testkit";
import { everythingIn, openNode, type Tree } from "../test/node-tree.ts";

noLeaks();

const STATE = "/state/darner";
const HOSTS = [
  "",
  'server = "https://r"\n',
  '# by hand\n\n[host."https://m"]\n  capabilities = ["pull"]\n',
  'server = "https://r"\r\n[host."https://m"]\r\n  skip_verify = true\r\n',
  'ca = "/a.pem"\n[host]\n',
  "broken = \n",
  'host = { "https://x" = {} }\n',
  "no newline = 1",
];
const REGISTRIES = [
  "",
  'unqualified-search-registries = ["docker.io"]\n',
  '[[registry]]\nlocation = "r.corp:5000"\ninsecure = true\n',
  "[registries.search]\nregistries = []\n",
  "= x",
];
const DAEMONS = [
  "",
  "{}",
  '{\n\t"debug": true,\n\t"registry-mirrors": ["https://m"]\n}\n',
  '{"features":{"containerd-snapshotter":true}}',
  "[]",
  "{",
];

const CONFIG = 'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n';
const node: fc.Arbitrary<Tree> = fc.record(
  {
    "/etc/containerd/certs.d/_default/hosts.toml": fc.constantFrom(...HOSTS),
    "/etc/containerd/certs.d/docker.io/hosts.toml": fc.constantFrom(...HOSTS),
    "/etc/containerd/certs.d/r.corp:5000/hosts.toml": fc.constantFrom(...HOSTS),
    "/etc/containerd/certs.d/certs.corp/ca.crt": fc.constant("pem"),
    "/etc/containers/registries.conf": fc.constantFrom(...REGISTRIES),
    "/etc/containers/registries.conf.d/000-x.conf": fc.constantFrom(...REGISTRIES),
    "/etc/docker/daemon.json": fc.constantFrom(...DAEMONS),
    "/etc/docker/certs.d/docker.io/hosts.toml": fc.constantFrom(...HOSTS),
  },
  { requiredKeys: [] },
);
const runtime = fc.constantFrom<RuntimeName>("containerd", "crio", "docker", "podman");
const wish: fc.Arbitrary<Wish> = fc.record({
  mirror: fc.constantFrom("127.0.0.1:4101", "127.0.0.1:5101"),
  resolveTags: fc.boolean(),
  registries: fc.subarray(["docker.io", "quay.io", "r.corp:5000"]),
  exclude: fc.subarray(["docker.io", "own.corp"]),
});

test("set up any number of times in any way and undone, a node is byte for byte what it was", async () => {
  await fc.assert(
    fc.asyncProperty(node, fc.array(fc.tuple(runtime, wish), { minLength: 1, maxLength: 4 }), fc.boolean(), async (tree, steps, tight) => {
      await using machine = await openNode({ "/etc/containerd/config.toml": CONFIG, "/state/": "", ...tree });
      if (tight) for (const path of Object.keys(tree)) await chmod(join(machine.root, path), 0o600);
      const before = await everythingIn(machine.root);
      const appliers = new Map<RuntimeName, Applier>();
      for (const [name, how] of steps) {
        const applier = new Applier(machine.files, STATE, name);
        appliers.set(name, applier);
        await applier.apply((await planRuntime(machine.files, name, how)).changes);
      }
      for (const applier of [...appliers.values()].reverse()) assert.deepEqual((await applier.undo()).left, []);
      const { [STATE]: _state, ...after } = await everythingIn(machine.root);
      assert.deepEqual(after, before);
    }),
    { numRuns: 150 },
  );
});

const WISH: Wish = { mirror: "127.0.0.1:4101", resolveTags: true, registries: ["docker.io"], exclude: [] };

/** A node whose containerd was set up. */
async function setUp(
  tree: Tree,
): Promise<{ machine: Awaited<ReturnType<typeof openNode>>; applier: Applier; at: (path: string) => string }> {
  const machine = await openNode({ "/etc/containerd/config.toml": CONFIG, ...tree });
  const applier = new Applier(machine.files, STATE, "containerd");
  await applier.apply((await planRuntime(machine.files, "containerd", WISH)).changes);
  return { machine, applier, at: (path) => join(machine.root, "/etc/containerd/certs.d", path) };
}

test("what others write into a file afterwards is kept; only the mirror's own lines go", async () => {
  const { machine, applier, at } = await setUp({ "/etc/containerd/certs.d/docker.io/hosts.toml": 'server = "https://a"\n' });
  await using _machine = machine;
  const path = at("docker.io/hosts.toml");
  await writeFile(path, `${await readFile(path, "utf8")}# a note of somebody\n`);
  assert.deepEqual((await applier.undo()).left, []);
  assert.equal(await readFile(path, "utf8"), 'server = "https://a"\n# a note of somebody\n');
});

test("a file that somebody wrote anew is set up again, and then put back as they wrote it", async () => {
  const { machine, applier, at } = await setUp({ "/etc/containerd/certs.d/docker.io/hosts.toml": 'server = "https://a"\n' });
  await using _machine = machine;
  await writeFile(at("docker.io/hosts.toml"), 'server = "https://b"\n');
  await applier.apply((await planRuntime(machine.files, "containerd", WISH)).changes);
  assert.match(await readFile(at("docker.io/hosts.toml"), "utf8"), /127\.0\.0\.1:4101/);
  await applier.undo();
  assert.equal(await readFile(at("docker.io/hosts.toml"), "utf8"), 'server = "https://b"\n');
});

test("a file that somebody took away stays away", async () => {
  const { machine, applier, at } = await setUp({ "/etc/containerd/certs.d/docker.io/hosts.toml": 'server = "https://a"\n' });
  await using _machine = machine;
  await rm(at("docker.io"), { recursive: true });
  assert.deepEqual((await applier.undo()).left, []);
  assert.equal(await machine.files.exists("/etc/containerd/certs.d/docker.io"), false);
});

test("a file behind a link is written where it is, and the link stays", async () => {
  await using machine = await openNode({ "/etc/containerd/config.toml": CONFIG, "/srv/hosts.toml": 'server = "https://a"\n' });
  const directory = join(machine.root, "/etc/containerd/certs.d/docker.io");
  await mkdir(directory, { recursive: true });
  await symlink("../../../../srv/hosts.toml", join(directory, "hosts.toml"));
  const before = await everythingIn(machine.root);
  const applier = new Applier(machine.files, STATE, "containerd");
  await applier.apply((await planRuntime(machine.files, "containerd", WISH)).changes);
  assert.match(await readFile(join(machine.root, "/srv/hosts.toml"), "utf8"), /4101/);
  await applier.undo();
  const after = await everythingIn(machine.root);
  for (const path of Object.keys(before)) assert.equal(after[path], before[path], path);
});

test("an undoing that was cut off is ended by the next one, from another process", async () => {
  const { machine, at } = await setUp({ "/etc/containerd/certs.d/docker.io/hosts.toml": 'server = "https://a"\n' });
  await using _machine = machine;
  await rm(at("_default/hosts.toml"));
  const other = new Applier(new NodeFiles(machine.root), STATE, "containerd");
  await other.undo();
  assert.equal(await readFile(at("docker.io/hosts.toml"), "utf8"), 'server = "https://a"\n');
  assert.deepEqual(await other.undo(), { undone: [], left: [] });
});
