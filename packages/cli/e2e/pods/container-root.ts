import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A directory or file that a container sees at a path of its own. */
export type Bind = { readonly source: string; readonly path: string; readonly readOnly: boolean; readonly isFile: boolean };

/** How a container's process is started. */
export type ContainerPlan = {
  /** For the launch script and the place where the root is put together. */
  readonly dir: string;
  /** The network namespace. */
  readonly namespace: string;
  /** What the image holds, put over the machine's programs: source and path. */
  readonly image: readonly Bind[];
  readonly binds: readonly Bind[];
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly user: number;
  readonly group: number;
  readonly groups: readonly number[];
  /** Capabilities that a process of root's has, in the words of setpriv (`chown`); undefined: all. */
  readonly capabilities: readonly string[] | undefined;
  readonly readOnlyRoot: boolean;
  readonly workDir: string;
  /** The names that the cluster's DNS would know, as lines of `/etc/hosts`. */
  readonly hostsFile: string;
};

const PROGRAMS = ["usr", "bin", "sbin", "lib", "lib64"];
const DEVICES = ["null", "zero", "full", "random", "urandom"];
const PASSWD = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\nnonroot:x:65532:65532::/:/bin/false\n";

/**
 * The command that starts a container: a mount, process and network namespace of its own, a root of its own in memory with the
 * machine's programs read-only, the image and the volumes on it, and the user, groups and capabilities that the manifest names.
 */
export function containerCommand(plan: ContainerPlan): string[] {
  const script = join(plan.dir, "launch.sh");
  mkdirSync(join(plan.dir, "root"), { recursive: true });
  writeFileSync(script, launchScript(plan));
  chmodSync(script, 0o700);
  const unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"];
  return ["ip", "netns", "exec", plan.namespace, ...unshare, "sh", script];
}

function launchScript(plan: ContainerPlan): string {
  const root = join(plan.dir, "root");
  return [
    "set -e",
    `mount -t tmpfs -o size=64m,mode=755 tmpfs ${quoted(root)}`,
    `cd ${quoted(root)}`,
    "mkdir -p proc dev etc tmp run var/lib var/run root sys",
    "chmod 1777 tmp",
    ...PROGRAMS.flatMap((name) => [
      `if [ -L /${name} ]; then cp -P /${name} ${name}`,
      `elif [ -d /${name} ]; then mkdir ${name}; mount --rbind /${name} ${name}; mount -o remount,ro,bind ${name}; fi`,
    ]),
    ...DEVICES.flatMap((name) => [`touch dev/${name}`, `mount --bind /dev/${name} dev/${name}`]),
    "mount -t proc proc proc",
    `printf '%s' ${quoted(PASSWD)} > etc/passwd`,
    "printf 'hosts: files\\n' > etc/nsswitch.conf",
    "touch etc/hosts etc/resolv.conf",
    `mount --bind ${quoted(plan.hostsFile)} etc/hosts`,
    ...[...plan.image, ...plan.binds].flatMap(bindLines),
    ...(plan.readOnlyRoot ? [`mount -o remount,ro ${quoted(root)}`] : []),
    `exec env -i ${Object.entries(plan.env)
      .map(([name, value]) => quoted(`${name}=${value}`))
      .join(
        " ",
      )} chroot ${quoted(root)} ${setpriv(plan)} sh -c ${quoted(`cd ${quoted(plan.workDir)} && exec "$@"`)} sh ${plan.command.map(quoted).join(" ")}`,
    "",
  ].join("\n");
}

function bindLines({ source, path, readOnly, isFile }: Bind): string[] {
  const at = quoted(path.replace(/^\//, ""));
  const make = isFile ? `mkdir -p "$(dirname ${at})"; touch ${at}` : `mkdir -p ${at}`;
  return [make, `mount --rbind ${quoted(source)} ${at}`, ...(readOnly ? [`mount -o remount,ro,bind ${at}`] : [])];
}

function setpriv({ user, group, groups, capabilities }: ContainerPlan): string {
  const bounding =
    capabilities === undefined
      ? []
      : [`--bounding-set=${["-all", ...capabilities.map((name) => `+${name}`)].join(",")}`, "--inh-caps=-all"];
  const supplementary = groups.length === 0 ? "--clear-groups" : `--groups=${groups.join(",")}`;
  return ["/usr/bin/setpriv", `--reuid=${String(user)}`, `--regid=${String(group)}`, supplementary, ...bounding, "--no-new-privs"].join(
    " ",
  );
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
