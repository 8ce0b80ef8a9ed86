import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Running } from "../../../packages/cli/e2e/harness/running.ts";
import { must, run, until, type Outcome } from "../../../packages/cli/e2e/harness/shell.ts";

// What a freshly installed Debian has in /etc, as far as systemd, dpkg and the programs of this suite look.
const ETC: Readonly<Record<string, string>> = {
  passwd: "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
  group: "root:x:0:\nnogroup:x:65534:\nshadow:x:42:\n",
  shadow: "root:*:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\n",
  gshadow: "root:*::\nnogroup:!::\nshadow:*::\n",
  "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
  hosts: "127.0.0.1 localhost machine\n",
  hostname: "machine\n",
  // Without it systemd would enable everything that is installed.
  "machine-id": "0123456789abcdef0123456789abcdef\n",
  // Nothing of what is installed on the machine that runs the suite is started.
  "systemd/system/machine.target": "[Unit]\nDescription=machine\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n",
};
// Questions of the first start that nobody answers here, and what would look for devices.
const MASKED = ["systemd-firstboot", "systemd-journal-flush", "systemd-update-utmp", "systemd-sysctl", "systemd-udevd"];
const COPIED = ["ld.so.cache", "ld.so.conf", "ld.so.conf.d", "login.defs", "debian_version", "alternatives", "ssl", "pam.d", "security"];

// It stops a handful of processes; longer means that one of them hangs.
const POWER_OFF_MS = 20_000;

/** Why no such machine can be had here; undefined where it can. */
export function whyNoMachine(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root";
  const missing = ["/usr/bin/systemd-nspawn", "/usr/bin/dpkg", "/usr/bin/nsenter"].find((program) => !existsSync(program));
  return missing === undefined ? undefined : `there is no ${missing}`;
}

/**
 * A Debian of its own that runs systemd as its first process: programs from this machine's /usr, everything else fresh, what is written
 * goes with it. It has a network of its own with nothing but a loopback.
 */
export class DebianMachine implements AsyncDisposable {
  /** Where its file system is seen from here. */
  readonly root: string;
  readonly #base: string;
  #nspawn: Running | undefined;
  #init = 0;

  private constructor(base: string) {
    this.#base = base;
    this.root = join(base, "root");
  }

  /** Lays it out and starts it; resolves when systemd answers. */
  static async open(): Promise<DebianMachine> {
    const machine = new DebianMachine(mkdtempSync(join(tmpdir(), "darner-machine-")));
    try {
      await machine.#lay();
      await machine.#boot();
      return machine;
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs a command in it, as root. */
  run(...command: string[]): Promise<Outcome> {
    return run(this.#inside(command));
  }

  /** Runs a command in it that must succeed, and gives what it printed. */
  must(...command: string[]): Promise<string> {
    return must(this.#inside(command));
  }

  /** Runs a program of this side in its network. */
  inItsNetwork(...command: string[]): Promise<string> {
    return must(["nsenter", "--target", String(this.#init), "--net", ...command]);
  }

  /** A property of a unit, as `systemctl show` tells it. */
  async property(unit: string, name: string): Promise<string> {
    return (await this.must("systemctl", "show", "--value", "--property", name, unit)).trim();
  }

  /** The text of a file in it. */
  read(path: string): string {
    return readFileSync(join(this.root, path), "utf8");
  }

  /** Writes a file in it. */
  write(path: string, text: string): void {
    const file = join(this.root, path);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // SIGRTMIN+4 asks systemd to power off; nspawn then ends by itself.
    if (this.#init > 0) await run(["kill", "-s", "RTMIN+4", String(this.#init)]);
    if (this.#nspawn !== undefined) {
      const { promise: late, resolve } = Promise.withResolvers<undefined>();
      const timer = setTimeout(() => resolve(undefined), POWER_OFF_MS);
      await Promise.race([this.#nspawn.ended(), late]);
      clearTimeout(timer);
      await this.#nspawn.kill();
    }
    for (const place of ["root/usr", "root/var/lib/dpkg", ""]) await run(["umount", join(this.#base, place)]);
    rmSync(this.#base, { recursive: true, force: true });
  }

  // In a session of its own: process groups reach across the border of a machine, and a signal to its own group would end the whole suite.
  #inside(command: readonly string[]): string[] {
    return ["nsenter", "--target", String(this.#init), "--all", "setsid", "--wait", ...command];
  }

  async #lay(): Promise<void> {
    const base = this.#base;
    await must(["mount", "-t", "tmpfs", "-o", "size=2G,mode=755", "darner-machine", base]);
    for (const place of ["etc", "var/log", "var/cache", "root", "home", "run", "proc", "sys", "dev", "mnt", "tmp", "usr", "var/lib/dpkg"])
      mkdirSync(join(this.root, place), { recursive: true });
    await this.#over("/usr", "usr");
    await this.#over("/var/lib/dpkg", "var/lib/dpkg");
    for (const name of ["bin", "sbin", "lib", "lib64"]) symlinkSync(`usr/${name}`, join(this.root, name));
    for (const name of COPIED) await run(["cp", "-a", `/etc/${name}`, join(this.root, "etc")]);
    symlinkSync("../usr/lib/os-release", join(this.root, "etc/os-release"));
    // Names of groups that are not in this machine's list.
    this.write("var/lib/dpkg/statoverride", "");
    for (const [name, text] of Object.entries(ETC)) this.write(`etc/${name}`, text);
    for (const name of MASKED) symlinkSync("/dev/null", join(this.root, "etc/systemd/system", `${name}.service`));
  }

  async #over(lower: string, place: string): Promise<void> {
    const layer = join(this.#base, place.replaceAll("/", "-"));
    for (const name of ["upper", "work"]) mkdirSync(join(layer, name), { recursive: true });
    const options = `lowerdir=${lower},upperdir=${layer}/upper,workdir=${layer}/work`;
    await must(["mount", "-t", "overlay", "overlay", "-o", options, join(this.root, place)]);
  }

  async #boot(): Promise<void> {
    const how = ["--register=no", "--keep-unit", "--private-network", "--console=pipe", "--kill-signal=SIGRTMIN+3"];
    const nspawn = new Running({
      name: "systemd-nspawn",
      command: ["systemd-nspawn", "--quiet", `--directory=${this.root}`, ...how, "--boot", "--", "systemd.unit=machine.target"],
      logFile: join(this.#base, "boot.log"),
    });
    this.#nspawn = nspawn;
    const alive = (): void => {
      if (!nspawn.alive) throw new Error(`systemd-nspawn ended: ${nspawn.log()}`);
    };
    this.#init = await until("systemd to be started", () => {
      alive();
      return systemdUnder(nspawn.pid);
    });
    await until("systemd to have started everything", async () => {
      alive();
      const { stdout } = await this.run("systemctl", "is-system-running");
      return /running|degraded/.test(stdout) || undefined;
    });
  }
}

/** The systemd that nspawn started: until it has become that program, the process is a part of nspawn, and not the last one. */
function systemdUnder(pid: number): number | undefined {
  const children = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, "utf8")
    .trim()
    .split(" ")
    .map(Number);
  return children.find((child) => child > 0 && nameOf(child) === "systemd");
}

function nameOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${String(pid)}/comm`, "utf8").trim();
  } catch {
    return undefined;
  }
}
