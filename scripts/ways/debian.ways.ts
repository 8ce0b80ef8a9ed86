import assert from "node:assert/strict";
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { buildImage, openTempDir, type TempDir } from "@darner/testkit";
import { imageLayout } from "../../packages/cli/e2e/harness/image-layout.ts";
import { until } from "../../packages/cli/e2e/harness/shell.ts";
import { buildDebianPackage } from "../release/debian-package.ts";
import { builtBundle, contentsOf, ROOT } from "./harness/built.ts";
import { DebianMachine, whyNoMachine } from "./harness/debian-machine.ts";

const skip = whyNoMachine() ?? false;
const MIB = 1024 * 1024;
const REGISTRY = "127.0.0.1:5000";
const UNITS = ["darner-scheduler", "darner-daemon", "darner-node-setup"];
const HOSTS_TOML = "etc/containerd/certs.d/_default/hosts.toml";
// Copies of the lists that dpkg changed, what systemd noted about units, what containerd makes at its first start.
const NOT_OURS =
  /^(?:passwd-|group-|shadow-|gshadow-|\.pwd\.lock|subuid.*|subgid.*|mtab|cni(?:\/.*)?|systemd\/system\/multi-user\.target\.wants)$/;

let dir: TempDir;
let machine: DebianMachine;
let untouched: Record<string, string>;
before(async () => {
  if (skip !== false) return;
  dir = await openTempDir();
  machine = await DebianMachine.open();
  machine.write(
    "etc/containerd/config.toml",
    `version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n`,
  );
  machine.write(
    "etc/registry.yml",
    `version: 0.1\nstorage: { filesystem: { rootdirectory: /var/lib/registry } }\nhttp: { addr: "${REGISTRY}" }\n`,
  );
  untouched = etc();
  for (const version of ["0.1.0", "0.1.1"]) cpSync(packageOf(version), join(machine.root, "root", `darner-${version}.deb`));
});
after(async () => {
  if (skip !== false) return;
  await machine[Symbol.asyncDispose]();
  await dir[Symbol.asyncDispose]();
});

function packageOf(version: string): string {
  const made = { work: join(dir.path, version), out: join(dir.path, `out-${version}`) };
  mkdirSync(made.out);
  const node = join(ROOT, "node_modules/node/bin/node");
  return buildDebianPackage({
    root: ROOT,
    bundle: builtBundle(),
    node,
    arch: "x64",
    version,
    epoch: 1_700_000_000,
    compression: "none",
    ...made,
  });
}

function etc(): Record<string, string> {
  return Object.fromEntries(Object.entries(contentsOf(join(machine.root, "etc"))).filter(([path]) => !NOT_OURS.test(path)));
}

async function statesOf(...units: string[]): Promise<string[]> {
  return (await machine.run("systemctl", "is-active", ...units)).stdout.trim().split("\n");
}

test("dpkg installs it, starts nothing and says what to do next", { skip }, async () => {
  const said = await machine.must("dpkg", "--install", "/root/darner-0.1.0.deb");
  assert.match(said, /systemctl enable --now darner-daemon darner-node-setup/);
  assert.equal(await machine.must("darner", "version"), "darner 0.1.0\n");
  assert.deepEqual(await statesOf(...UNITS), ["inactive", "inactive", "inactive"]);
  assert.match(await machine.must("stat", "-c", "%a %U:%G", "/etc/darner"), /^750 root:darner$/m);
  assert.equal((await machine.run("dpkg", "--verify", "darner")).stdout, "");
});

test("a daemon without a join token does not start, says what to do, and is not started again and again", { skip }, async () => {
  assert.equal((await machine.run("systemctl", "start", "darner-daemon")).ok, false);
  assert.equal(await machine.property("darner-daemon", "ExecMainStatus"), "2");
  assert.equal(await machine.property("darner-daemon", "ActiveState"), "failed");
  assert.equal(await machine.property("darner-daemon", "NRestarts"), "0");
  assert.match(await machine.must("journalctl", "--no-pager", "-u", "darner-daemon"), /join-token/);
  await machine.must("systemctl", "reset-failed", "darner-daemon");
});

test("scheduler, daemon and node-setup run hardened under systemd, as the page of the package says", { skip }, async () => {
  await machine.must("systemctl", "enable", "--now", "darner-scheduler");
  const token = "runuser -u darner -- darner token create --config /etc/darner/darner.yaml > /etc/darner/join-token";
  await machine.must("sh", "-c", `${token} && chown root:darner /etc/darner/join-token && chmod 640 /etc/darner/join-token`);
  const settings = `schedulers: ["127.0.0.1:4110"]\nregistries: { "${REGISTRY}": { plainHttp: true } }\nstore: { minFreeBytes: 10MiB }\n`;
  machine.write("etc/darner/darner.yaml", `${machine.read("etc/darner/darner.yaml")}${settings}`);
  await machine.must("systemctl", "enable", "--now", "darner-daemon", "darner-node-setup");
  assert.deepEqual(await statesOf(...UNITS), ["active", "active", "active"]);
  await until("the daemon to be a member", async () => /^scheduler +machine\b/m.test(await machine.must("darner", "status")) || undefined);
  await until("containerd to be told", async () => (await machine.run("test", "-s", `/${HOSTS_TOML}`)).ok || undefined);
  const pid = await machine.property("darner-daemon", "MainPID");
  const status = await machine.must("cat", `/proc/${pid}/status`);
  assert.match(status, /^CapEff:\t0+$/m);
  assert.match(status, /^Seccomp:\t2$/m);
});

test("an image comes to a real containerd through the mirror", { skip }, async () => {
  await machine.must("systemd-run", "--unit", "registry", "docker-registry", "serve", "/etc/registry.yml");
  const image = buildImage({
    layers: [
      { bytes: 3 * MIB, seed: "deb" },
      { bytes: 70_000, seed: "small" },
    ],
  });
  const layout = imageLayout(join(dir.path, "layout"), image);
  await until("the registry", async () => (await machine.run("curl", "-sf", `http://${REGISTRY}/v2/`)).ok || undefined);
  const target = `docker://${REGISTRY}/team/app:v1`;
  await machine.inItsNetwork("skopeo", "copy", "--all", "--preserve-digests", "--dest-tls-verify=false", `oci:${layout}`, target);
  await machine.must("systemd-run", "--unit", "containerd-here", "containerd");
  await until("containerd", async () => (await machine.run("ctr", "version")).ok || undefined);
  const fetch = ["content", "fetch", "--plain-http", "--hosts-dir", "/etc/containerd/certs.d", `${REGISTRY}/team/app:v1`];
  const fetched = await machine.run("ctr", "--debug", ...fetch);
  assert.ok(fetched.ok, fetched.stderr);
  assert.match(await machine.must("ctr", "content", "ls"), new RegExp(image.layers[0]?.digest ?? "none"));
  const log = await machine.must("journalctl", "--no-pager", "-u", "registry");
  const past = log.split("\n").filter((line) => /GET .*\/(?:blobs|manifests)\/.*containerd\//.test(line));
  assert.deepEqual(past, [], fetched.stderr);
  assert.match(await machine.must("darner", "status"), /^store .* [1-9] blobs?$/m);
});

test("a daemon that is killed is back by itself", { skip }, async () => {
  const killed = await machine.property("darner-daemon", "MainPID");
  assert.notEqual(killed, "0", "it runs");
  await machine.must("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "darner-daemon");
  await until("another daemon", async () => {
    const [pid, state] = [await machine.property("darner-daemon", "MainPID"), await machine.property("darner-daemon", "ActiveState")];
    return (state === "active" && pid !== killed) || undefined;
  });
});

test("an upgrade keeps what was changed in the configuration, and goes on with the new version", { skip }, async () => {
  const before_ = machine.read("etc/darner/darner.yaml");
  await machine.must("dpkg", "--install", "/root/darner-0.1.1.deb");
  assert.equal(machine.read("etc/darner/darner.yaml"), before_);
  await until("all three to run again", async () => (await statesOf(...UNITS)).every((state) => state === "active") || undefined);
  for (const unit of UNITS) assert.equal(await machine.property(unit, "Result"), "success");
  await until("containerd to be told again", async () => (await machine.run("test", "-s", `/${HOSTS_TOML}`)).ok || undefined);
});

test("with the daemon stopped containerd's files are as before", { skip }, async () => {
  await machine.must("systemctl", "stop", "darner-daemon");
  assert.deepEqual(await statesOf("darner-daemon", "darner-node-setup"), ["inactive", "inactive"]);
  assert.equal((await machine.run("test", "-e", `/${HOSTS_TOML}`)).ok, false);
});

test("purged in full use it leaves no trace: files, user, units, containerd's configuration", { skip }, async () => {
  await machine.must("systemctl", "start", "darner-daemon", "darner-node-setup");
  await until("containerd to be told", async () => (await machine.run("test", "-s", `/${HOSTS_TOML}`)).ok || undefined);
  await machine.must("dpkg", "--purge", "darner");
  assert.deepEqual(etc(), untouched);
  assert.deepEqual(await statesOf(...UNITS), ["inactive", "inactive", "inactive"]);
  for (const path of ["/usr/bin/darner", "/usr/lib/darner", "/var/lib/darner", "/var/lib/darner-node-setup"])
    assert.equal((await machine.run("test", "-e", path)).ok, false, path);
  assert.equal((await machine.run("getent", "passwd", "darner")).ok, false);
});

test("what darner configure wrote by hand is put back when the package goes, too", { skip }, async () => {
  await machine.must("dpkg", "--install", "/root/darner-0.1.0.deb");
  await machine.must("darner", "configure", "containerd");
  assert.match(machine.read(HOSTS_TOML), /127\.0\.0\.1:4101/);
  await machine.must("dpkg", "--purge", "darner");
  assert.deepEqual(etc(), untouched);
});
