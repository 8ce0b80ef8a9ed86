import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { must, run } from "../harness/shell.ts";
import type { ContainerdRelease } from "./node-runtime.ts";

const CACHE = fileURLToPath(new URL("../../../../.tmp/containerd", import.meta.url));
// Debian's next release, and what comes after it: containerd 1.7 and 2.x.
const SUITES = ["trixie", "sid"];
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const FETCH_MS = 180_000;

/** The containerd of this machine, and the newer ones of Debian's other suites where they can be fetched; nothing is installed. */
export async function containerdReleases(): Promise<ContainerdRelease[]> {
  const releases = [{ version: await versionOf("/usr/bin"), programs: "/usr/bin" }];
  for (const suite of SUITES) {
    try {
      const programs = await fetched(suite);
      releases.push({ version: await versionOf(programs), programs });
    } catch (error) {
      console.log(`no containerd of Debian ${suite}: ${String(error).slice(0, 300)}`);
    }
  }
  return releases;
}

async function versionOf(programs: string): Promise<string> {
  const told = await must([join(programs, "containerd"), "--version"]);
  const [version] = /[0-9]+\.[0-9]+\.[0-9]+/.exec(told) ?? [];
  if (version === undefined) throw new Error(`${programs}/containerd says no version: ${told}`);
  return version;
}

/** The folder of a suite's containerd, unpacked; fetched once, with lists and a cache of its own. */
async function fetched(suite: string): Promise<string> {
  const dir = join(CACHE, suite);
  const programs = join(dir, "unpacked", "usr", "bin");
  if ((await run([join(programs, "containerd"), "--version"])).ok) return programs;
  for (const name of ["lists/partial", "cache/archives/partial", "etc"]) mkdirSync(join(dir, name), { recursive: true });
  writeFileSync(join(dir, "etc", "sources.list"), `deb [signed-by=${KEYRING}] http://deb.debian.org/debian ${suite} main\n`);
  const config = join(dir, "apt.conf");
  const lines = [
    `Dir::State::Lists "${dir}/lists";`,
    `Dir::Cache "${dir}/cache";`,
    `Dir::Etc::sourcelist "${dir}/etc/sources.list";`,
    'Dir::Etc::sourceparts "-";',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";',
    'Acquire::Languages "none";',
    'APT::Sandbox::User "root";',
    "",
  ];
  writeFileSync(config, lines.join("\n"));
  const apt = (...words: string[]): Promise<string> =>
    must(["env", `APT_CONFIG=${config}`, "sh", "-c", `cd ${dir} && ${words.join(" ")}`], { timeoutMs: FETCH_MS });
  await apt("apt-get", "update", "-qq");
  await apt("apt-get", "download", "-qq", "containerd");
  const archive = readdirSync(dir).find((name) => name.endsWith(".deb")) ?? "";
  await must(["dpkg-deb", "-x", join(dir, archive), join(dir, "unpacked")]);
  chmodSync(programs, 0o755);
  return programs;
}
