import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openTempDir, type TempDir } from "@darner/testkit";
import { Running } from "../../packages/cli/e2e/harness/running.ts";
import { must, run, until } from "../../packages/cli/e2e/harness/shell.ts";
import { imageConfigOf } from "../release/dockerfile.ts";
import { replayDockerfile } from "../release/replay-dockerfile.ts";
import { builtBundle, contentsOf, ROOT } from "./harness/built.ts";

const missing = ["/usr/bin/umoci", "/usr/sbin/runc"].find((program) => !existsSync(program));
const skip = process.getuid?.() !== 0 ? "needs root" : missing === undefined ? false : `there is no ${missing}`;
const TAG = "0.1.0";

let dir: TempDir;
before(async () => void (dir = await openTempDir()));
after(() => dir[Symbol.asyncDispose]());

function replay(name: string): string {
  const layout = join(dir.path, name);
  const node = join(ROOT, "node_modules/node/bin/node");
  const made = { work: join(dir.path, `${name}-work`), layout, revision: "test", version: TAG, epoch: 1_700_000_000 };
  replayDockerfile({ root: ROOT, bundle: builtBundle(), node, compression: "none", ...made });
  return layout;
}

test("what the Dockerfile says of the image: nobody as the user, Node as the first process, its ports and labels", () => {
  const config = imageConfigOf(join(ROOT, "deploy/Dockerfile"), { VERSION: "1.2.3", REVISION: "abc" });
  assert.equal(config.User, "65532:65532");
  assert.deepEqual(config.Entrypoint, ["/usr/bin/node", "--disable-sigusr1", "/usr/lib/darner/main.js"]);
  assert.deepEqual(Object.keys(config.ExposedPorts), ["4101/tcp", "4102/tcp", "4103/tcp", "4105/tcp", "4110/tcp", "4111/tcp"]);
  assert.equal(config.Labels["org.opencontainers.image.version"], "1.2.3");
  assert.equal(config.Labels["org.opencontainers.image.revision"], "abc");
});

test("the Dockerfile copies only what is there, and takes the Node that is pinned", () => {
  const text = readFileSync(join(ROOT, "deploy/Dockerfile"), "utf8");
  const copied = [...text.matchAll(/^COPY (?!--from)(.+)$/gm)].flatMap((match) => (match[1] ?? "").split(" ").slice(0, -1));
  assert.ok(copied.length >= 5);
  for (const path of copied) assert.ok(existsSync(join(ROOT, path)), path);
  const ignored = readFileSync(join(ROOT, ".dockerignore"), "utf8");
  for (const path of copied) assert.match(ignored, new RegExp(`^!${path.replace(/^\.\//, "").replaceAll(".", "\\.")}$`, "m"));
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { dependencies: Record<string, string> };
  assert.ok(text.includes(`node:${dependencies["node"] ?? "none"}-`));
});

test("replayed twice, an image is the same to the last byte", { skip }, async () => {
  const [one, other] = [replay("one"), replay("other")];
  assert.deepEqual(contentsOf(one), contentsOf(other));
  const inspected = JSON.parse(await must(["skopeo", "inspect", `oci:${one}:${TAG}`])) as { Os: string; Layers: string[] };
  assert.equal(inspected.Os, "linux");
  assert.equal(inspected.Layers.length, 4);
});

test("a container of it runs: no root, no capability, nothing to write but its volume, no shell inside", { skip }, async () => {
  const layout = replay("run");
  const bundle = join(dir.path, "oci-bundle");
  await must(["umoci", "unpack", "--image", `${layout}:${TAG}`, bundle]);
  assert.equal(existsSync(join(bundle, "rootfs/usr/bin/sh")), false);
  const volume = join(dir.path, "volume");
  mkdirSync(volume);
  await must(["chown", "65532:65532", volume, "-R"]);
  await must(["chmod", "755", dir.path]);
  confine(join(bundle, "config.json"), volume);
  const id = `darner-ways-${String(process.pid)}`;
  await using container = new Running({ name: id, command: ["runc", "run", "--bundle", bundle, id], logFile: join(dir.path, "runc.log") });
  try {
    const ready = await until("the daemon in the container", () => {
      if (!container.alive) throw new Error(container.log());
      return /"mirror":"(127\.0\.0\.1:[0-9]+)".*"daemon ready"/.exec(container.log())?.[1];
    });
    assert.equal((await fetch(`http://${ready}/v2/`)).status, 200);
    assert.equal(await must(["runc", "exec", id, "/usr/bin/darner", "version"]), `darner ${TAG}\n`);
    assert.ok(existsSync(join(volume, "daemon", "host.key")));
    await must(["runc", "kill", id, "TERM"]);
    await container.ended();
    assert.equal(container.exitCode, 0, container.log());
  } finally {
    // Gone by now, unless something went wrong.
    await run(["runc", "delete", "--force", id]);
  }
});

type Spec = {
  process: {
    args: string[];
    env: string[];
    terminal: boolean;
    user: { uid: number };
    noNewPrivileges: boolean;
    capabilities: Record<string, string[]>;
  };
  root: { readonly: boolean };
  mounts: object[];
  linux: { namespaces: { type: string }[]; resources?: object };
};

/** As the chart has it: read-only root, no capability, the network of the host, a volume at the data directory. */
function confine(file: string, volume: string): void {
  const spec = JSON.parse(readFileSync(file, "utf8")) as Spec;
  assert.equal(spec.process.user.uid, 65532);
  assert.deepEqual(spec.process.args.slice(-1), ["--help"]);
  const doors = ["mirror", "pieces", "p2p", "admin", "metrics", "grpc", "http"].map((door) => `--listen.${door}=127.0.0.1:0`);
  spec.process.args.splice(-1, 1, "up", "--dataDir", "/var/lib/darner", "--store.minFreeBytes", "1MiB", ...doors);
  spec.process.terminal = false;
  spec.process.noNewPrivileges = true;
  spec.process.capabilities = Object.fromEntries(["bounding", "effective", "permitted", "inheritable", "ambient"].map((set) => [set, []]));
  spec.root.readonly = true;
  spec.mounts.push({ destination: "/var/lib/darner", type: "bind", source: volume, options: ["rbind", "rw"] });
  spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "network");
  delete spec.linux.resources;
  writeFileSync(file, JSON.stringify(spec));
}
