import assert from "node:assert/strict";
import { latin1, utf8 } from "@darner/testkit";
import type { FuzzDice, FuzzTarget } from "@darner/testkit";
import { parse } from "smol-toml";
import { findContainerd } from "../src/containerd/find-containerd.ts";
import { planDocker } from "../src/docker-daemon.ts";
import { withMirror, withoutMirror } from "../src/hosts-toml.ts";
import { NodeFiles } from "../src/node-files.ts";
import type { Wish } from "../src/plan.ts";
import { planRegistriesConf } from "../src/registries-conf.ts";

const MIRROR = { url: "http://127.0.0.1:4101", resolve: true };
const WISH: Wish = { mirror: "127.0.0.1:4101", resolveTags: true, registries: ["docker.io"], exclude: ["quay.io"] };
const TOML_LINES = [
  'server = "https://docker.io"',
  '[host."https://mirror.corp"]',
  '  capabilities = ["pull", "resolve"]',
  '  ca = ["/etc/ca.pem", """a\nb"""]',
  "# a comment [host]",
  "[[registry]]",
  'prefix = "harbor.corp"',
  'location = "harbor.corp"',
  "[[registry.mirror]]",
  "insecure = true",
  "host = { a = 1 }",
  "when = 2026-01-01T00:00:00Z",
  '[plugins."io.containerd.grpc.v1.cri".registry]',
  '  config_path = "/etc/containerd/certs.d:/etc/docker/certs.d"',
  'imports = ["/etc/containerd/conf.d/*.toml"]',
  "version = 3",
];
const TOML_WORDS = [
  ...TOML_LINES,
  "\n",
  "\r\n",
  "[",
  "]",
  "[[",
  '"""',
  "'''",
  "{",
  "}",
  "=",
  ".",
  "__proto__",
  "inf",
  "\u0000",
  "# darner: end",
];

type Entry = { readonly prefix: string; readonly mirror: readonly { readonly location: string }[] };

/** One file that somebody else wrote, and nothing besides. */
class OneFile extends NodeFiles {
  readonly #path: string;
  readonly #text: string;

  constructor(path: string, text: string) {
    super("/nowhere");
    this.#path = path;
    this.#text = text;
  }

  override text(path: string): Promise<string | undefined> {
    return Promise.resolve(path === this.#path ? this.#text : undefined);
  }

  override bytes(path: string): Promise<Buffer | undefined> {
    return Promise.resolve(path === this.#path ? Buffer.from(this.#text) : undefined);
  }

  override isDirectory(): Promise<boolean> {
    return Promise.resolve(false);
  }

  override exists(path: string): Promise<boolean> {
    return Promise.resolve(path === this.#path);
  }

  override names(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }
}

/** What is said of a problem, without what differs from input to input. */
function kindOf(problem: string): string {
  return problem.replaceAll(/^\S+: |[0-9]+|"[^"]*"|http\S+/g, "").slice(0, 40);
}

/**
 * A foreign `hosts.toml`: the mirror comes first or nothing is written, and taking it out gives back what stood there.
 * @public the runner finds it by the name of its file
 */
export const hostsToml: FuzzTarget = {
  name: "hosts-toml",
  seeds: [
    "",
    TOML_LINES.slice(0, 5).join("\n"),
    TOML_LINES.slice(0, 3).join("\r\n"),
    TOML_LINES[10] ?? "",
    "[".repeat(500),
    "a = ".repeat(300),
  ],
  words: TOML_WORDS,
  make: (dice: FuzzDice) => dice.some(TOML_LINES, 7).join("\n"),
  check: (input) => {
    const before = utf8(input);
    const edited = withMirror(before, MIRROR);
    if (!edited.ok) {
      assert.notEqual(edited.problem, "");
      return kindOf(edited.problem);
    }
    assert.equal(Object.keys(parse(edited.text)["host"] as object)[0], MIRROR.url);
    const bare = withoutMirror(before);
    // A file that was cut within the mark of an earlier run is read as a comment.
    if (bare.includes("# darner:")) return "with a mark of its own";
    assert.equal(withoutMirror(edited.text).trimEnd(), bare.trimEnd());
    assert.deepEqual(withMirror(edited.text, MIRROR), edited, "twice is as good as once");
    return bare === "" ? "new" : "edited";
  },
};

/**
 * A foreign `registries.conf`: an entry for each registry, or a sentence.
 * @public the runner finds it by the name of its file
 */
export const registriesConf: FuzzTarget = {
  name: "registries-conf",
  seeds: ["", TOML_LINES.slice(5, 10).join("\n"), "[registries.search]", 'registry = ["x"]', "[[registry]]\nprefix = 1"],
  words: [...TOML_WORDS, "unqualified-search-registries = []", "[registries.search]"],
  make: (dice: FuzzDice) => dice.some(TOML_LINES.slice(5), 7).join("\n"),
  check: async (input) => {
    const { changes, problems } = await planRegistriesConf(new OneFile("/etc/containers/registries.conf", utf8(input)), WISH, "podman");
    if (problems.length > 0) return kindOf(problems[0] ?? "");
    const [change] = changes;
    assert.ok(change?.kind === "file");
    const entries = parse(change.after)["registry"] as unknown as readonly Entry[];
    for (const { prefix, mirror } of entries) assert.ok(prefix !== "quay.io" && mirror[0]?.location.startsWith(WISH.mirror) === true);
    return `${String(Math.min(entries.length, 3))} entries`;
  },
};

/**
 * A foreign `daemon.json` of Docker, and a `config.toml` of containerd: planned, or a sentence.
 * @public the runner finds it by the name of its file
 */
export const runtimeFiles: FuzzTarget = {
  name: "runtime-files",
  seeds: [
    "",
    '{"registry-mirrors":["http://a"],"features":{"containerd-snapshotter":true}}',
    '{"features":{"containerd-snapshotter":true}}',
    TOML_LINES.slice(12).join("\n"),
    "[]",
  ],
  words: [...TOML_WORDS, '"registry-mirrors":', '"features":', "null", "[]", '{"__proto__":[]}', "http://127.0.0.1:4101"],
  make: (dice: FuzzDice) => (dice.once(2) ? dice.some(TOML_LINES.slice(10), 5).join("\n") : '{"registry-mirrors":["http://a", 1, null]}'),
  check: async (input) => {
    const docker = await planDocker(new OneFile("/etc/docker/daemon.json", utf8(input)), WISH);
    const [change] = docker.changes;
    if (change?.kind === "file" && change.path.endsWith(".json")) {
      const after = JSON.parse(change.after) as Readonly<Record<string, unknown>>;
      assert.equal((after["registry-mirrors"] as readonly unknown[])[0], `http://${WISH.mirror}`);
    }
    const { directory, problem } = await findContainerd(new OneFile("/etc/containerd/config.toml", latin1(input)));
    assert.ok(directory === undefined || directory.startsWith("/"), "a directory is whole");
    const ofDocker = docker.problems[0] === undefined ? String(docker.changes.length) : kindOf(docker.problems[0]);
    return `docker ${ofDocker}, containerd ${problem === undefined ? String(directory === undefined) : kindOf(problem)}`;
  },
};
