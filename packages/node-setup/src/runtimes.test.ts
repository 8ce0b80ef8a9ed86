import assert from "node:assert/strict";
import { test } from "node:test";
import { Applier, planRuntime, type RuntimeName, type Wish } from "@darner/node-setup";
import { noLeaks } from "@darner/testkit";
import { everythingIn, openNode, type Tree } from "../test/node-tree.ts";

noLeaks();

const CONFIG = "/etc/containerd/config.toml";
const CERTS = "/etc/containerd/certs.d";
const TOLD_HOSTS = `# darner: begin (managed by darner, taken out again when it stops)
[host."http://127.0.0.1:4101"]
  capabilities = ["pull", "resolve"]
  dial_timeout = "500ms"
# darner: end
`;
const MANAGED = "# managed by darner, taken away again when it stops\n";
const WISH: Wish = { mirror: "127.0.0.1:4101", resolveTags: true, registries: ["docker.io"], exclude: [] };

type Layout = {
  readonly name: string;
  readonly runtime: RuntimeName;
  readonly wish?: Partial<Wish>;
  readonly before: Tree;
  /** What is written: whole texts, or what is in them. */
  readonly after: Readonly<Record<string, string | RegExp>>;
  readonly problems?: RegExp;
};

const LAYOUTS: readonly Layout[] = [
  {
    name: "containerd with a registry of somebody's: server, certificate and comments stay",
    runtime: "containerd",
    before: {
      [CONFIG]: `version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "${CERTS}"\n`,
      [`${CERTS}/r.corp/hosts.toml`]: '# ours\nserver = "https://r.corp"\n\n[host."https://m.corp"]\n  ca = "/etc/m.pem"\n',
      [`${CERTS}/r.corp/ca.crt`]: "pem",
    },
    after: {
      [`${CERTS}/_default/hosts.toml`]: TOLD_HOSTS,
      [`${CERTS}/r.corp/hosts.toml`]: `# ours\nserver = "https://r.corp"\n\n${TOLD_HOSTS}[host."https://m.corp"]\n  ca = "/etc/m.pem"\n`,
    },
  },
  {
    name: "containerd with one broken file and one that names the mirror by hand: both are named and stay, the others are told",
    runtime: "containerd",
    before: {
      [CONFIG]: `version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\n  config_path = '${CERTS}'\n`,
      [`${CERTS}/a.corp/hosts.toml`]: "server = \n",
      [`${CERTS}/b.corp/hosts.toml`]: '[host."http://127.0.0.1:4101"]\n',
    },
    after: { [`${CERTS}/_default/hosts.toml`]: TOLD_HOSTS },
    problems:
      /^\/etc\/containerd\/certs\.d\/a\.corp\/hosts\.toml: it is no TOML: line 1, .*mend it; until then.*as before\n.*b\.corp\/hosts\.toml: it already names .*take that host out/,
  },
  {
    name: "containerd without tags, and a registry that is left out",
    runtime: "containerd",
    wish: { resolveTags: false, exclude: ["own.corp:5000"] },
    before: { [CONFIG]: `version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "${CERTS}"\n` },
    after: {
      [`${CERTS}/_default/hosts.toml`]: TOLD_HOSTS.replace('"pull", "resolve"', '"pull"'),
      [`${CERTS}/own.corp:5000/hosts.toml`]: /server = "https:\/\/own\.corp:5000"/,
    },
  },
  {
    name: "podman with nothing configured: the registry stands in the mirror's path",
    runtime: "podman",
    before: { "/etc/containers/": "" },
    after: {
      "/etc/containers/registries.conf.d/900-darner.conf":
        `${MANAGED}[[registry]]\nlocation = "docker.io"\nprefix = "docker.io"\n\n` +
        '[[registry.mirror]]\nlocation = "127.0.0.1:4101/docker.io"\ninsecure = true\n',
    },
  },
  {
    name: "CRI-O with a registry and a mirror of its own: both stay, behind ours",
    runtime: "crio",
    before: {
      "/etc/containers/registries.conf":
        '[[registry]]\nprefix = "r.corp:5000"\nlocation = "r.corp:5000"\ninsecure = true\n[[registry.mirror]]\nlocation = "m.corp"\n',
    },
    after: {
      "/etc/containers/registries.conf.d/900-darner.conf":
        /location = "r\.corp:5000"\nprefix = "r\.corp:5000"\ninsecure = true\n+\[\[registry\.mirror\]\]\nlocation = "127\.0\.0\.1:4101\/r\.corp_5000"\ninsecure = true\n+\[\[registry\.mirror\]\]\nlocation = "m\.corp"/,
    },
  },
  {
    name: "CRI-O whose file is in the old form: nothing is written",
    runtime: "crio",
    before: { "/etc/containers/registries.conf": "[registries.search]\nregistries = ['docker.io']\n" },
    after: {},
    problems: /^\/etc\/containers\/registries\.conf: it is in the old form .*write it in the new one$/,
  },
  {
    name: "podman with a broken drop-in: nothing is written",
    runtime: "podman",
    before: { "/etc/containers/registries.conf.d/000-x.conf": "= x\n" },
    after: {},
    problems: /^\/etc\/containers\/registries\.conf\.d\/000-x\.conf: it is no TOML: line 1, column 1: mend it$/,
  },
  {
    name: "Docker without a configuration: a mirror for docker.io",
    runtime: "docker",
    before: { "/etc/docker/": "" },
    after: { "/etc/docker/daemon.json": '{\n  "registry-mirrors": [\n    "http://127.0.0.1:4101"\n  ]\n}\n' },
  },
  {
    name: "Docker with mirrors and other keys: ours first, all others stay",
    runtime: "docker",
    before: { "/etc/docker/daemon.json": '{\n\t"debug": true,\n\t"registry-mirrors": ["https://m.corp"]\n}\n' },
    after: {
      "/etc/docker/daemon.json":
        '{\n\t"debug": true,\n\t"registry-mirrors": [\n\t\t"http://127.0.0.1:4101",\n\t\t"https://m.corp"\n\t]\n}\n',
    },
  },
  {
    name: "Docker with the containerd image store: a hosts.toml for each registry",
    runtime: "docker",
    wish: { registries: ["docker.io", "quay.io"] },
    before: { "/etc/docker/daemon.json": '{"features":{"containerd-snapshotter":true}}\n' },
    after: { "/etc/docker/certs.d/docker.io/hosts.toml": TOLD_HOSTS, "/etc/docker/certs.d/quay.io/hosts.toml": TOLD_HOSTS },
  },
  {
    name: "Docker whose configuration is no JSON: nothing is written",
    runtime: "docker",
    before: { "/etc/docker/daemon.json": "{" },
    after: {},
    problems: /^\/etc\/docker\/daemon\.json: it is no JSON object; .*mend it$/,
  },
];

for (const { name, runtime, wish, before, after, problems } of LAYOUTS) {
  test(name, async () => {
    await using node = await openNode({ "/state/": "", ...before });
    const untouched = await everythingIn(node.root);
    const plan = await planRuntime(node.files, runtime, { ...WISH, ...wish });
    assert.match(plan.problems.join("\n"), problems ?? /^$/);
    const applier = new Applier(node.files, "/state/darner", runtime);
    await applier.apply(plan.changes);
    for (const [path, text] of Object.entries(after)) {
      const written = await node.files.text(path);
      if (typeof text === "string") assert.equal(written, text);
      else assert.match(written ?? "", text);
    }
    const { "/state/darner": _dir, ...now } = await everythingIn(node.root);
    const changed = Object.keys(now).filter((path) => now[path]?.includes(" ") === true && now[path] !== untouched[path]);
    assert.deepEqual(
      changed.filter((path) => !path.startsWith("/state/")),
      Object.keys(after).sort(),
      "nothing else is touched",
    );
    assert.deepEqual((await applier.undo()).left, []);
    assert.deepEqual(await everythingIn(node.root), untouched);
  });
}
