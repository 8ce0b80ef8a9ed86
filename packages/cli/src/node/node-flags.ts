import { findContainerd, NodeFiles, openCri, type ContainerdHints, type RuntimeName, type Wish } from "@darner/node-setup";
import { addressIn } from "../arguments.ts";
import { UsageError } from "../command.ts";
import { DEFAULT_MIRROR } from "../commands/mirror-flag.ts";

/** The flags of every command that sets a node up, as Node's parser wants them. */
export const NODE_OPTIONS = {
  mirror: { type: "string" },
  "config-dir": { type: "string" },
  socket: { type: "string" },
  registries: { type: "string" },
  exclude: { type: "string" },
  "no-resolve": { type: "boolean", default: false },
  root: { type: "string", default: "/" },
  // Not below /var/lib/darner, which is the daemon's own: what root puts back nobody else may write.
  "state-dir": { type: "string", default: "/var/lib/darner-node-setup" },
} as const;

/** The values of those flags. */
export type NodeValues = {
  readonly mirror?: string | undefined;
  readonly "config-dir"?: string | undefined;
  readonly socket?: string | undefined;
  readonly registries?: string | undefined;
  readonly exclude?: string | undefined;
  readonly "no-resolve": boolean;
  readonly root: string;
  readonly "state-dir": string;
};

// What clusters pull from, for runtimes that have to be told each registry by name.
const WELL_KNOWN = ["docker.io", "quay.io", "ghcr.io", "gcr.io", "registry.k8s.io", "mcr.microsoft.com", "public.ecr.aws"];
const RUNTIMES: readonly string[] = ["containerd", "crio", "docker", "podman"] satisfies RuntimeName[];

/** The runtime by its name; anything else is a `UsageError`. */
export function runtimeIn(name: string): RuntimeName {
  if (!RUNTIMES.includes(name)) {
    throw new UsageError(`there is no runtime "${name}": ${RUNTIMES.join(", ")}`, { unknown: { word: name, known: RUNTIMES } });
  }
  return name as RuntimeName;
}

/** What the flags wish for. */
export function wishOf(values: NodeValues, env: Readonly<Record<string, string | undefined>>): Wish {
  return {
    mirror: addressIn(values.mirror ?? env["DARNER_LISTEN_MIRROR"] ?? DEFAULT_MIRROR, "--mirror"),
    resolveTags: !values["no-resolve"],
    registries: values.registries === undefined ? WELL_KNOWN : listIn(values.registries, "--registries"),
    exclude: values.exclude === undefined ? [] : listIn(values.exclude, "--exclude"),
  };
}

/** What is known of containerd beside its files: its version, as the cluster tells it or its socket answers. */
export async function hintsOf(values: NodeValues, files: NodeFiles, told?: () => Promise<string | undefined>): Promise<ContainerdHints> {
  const directory = values["config-dir"];
  if (directory !== undefined) return { directory };
  const version = await told?.();
  if (version !== undefined) return { version };
  const socket = await socketOf(values, files);
  if (socket === undefined) return {};
  using cri = openCri(socket);
  const answer = await cri.version();
  return answer === undefined ? {} : { version: answer.version };
}

/** The runtime's socket: where it was said to be, else where the distribution has it; undefined where it is not there. */
export async function socketOf(values: NodeValues, files: NodeFiles): Promise<string | undefined> {
  if (values.socket !== undefined) return values.socket;
  const { socket } = await findContainerd(files);
  return (await files.exists(socket)) ? files.here(socket) : undefined;
}

function listIn(text: string, flag: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  const wrong = names.find((name) => !/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?$/.test(name));
  if (wrong !== undefined) throw new UsageError(`${flag} takes registries with commas between them; "${wrong}" is none`);
  return names;
}
