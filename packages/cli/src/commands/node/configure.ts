import type { Command } from "../../command.ts";

/** The flags that say how a node is set up; `node-setup` has them too. */
export const NODE_FLAGS: Command["flags"] = [
  { flag: "--mirror HOST:PORT", help: "The daemon's mirror on this node (default: DARNER_LISTEN_MIRROR, else 127.0.0.1:4101)." },
  { flag: "--config-dir DIR", help: "containerd's directory of hosts.toml files, where it cannot be found." },
  { flag: "--socket FILE", help: "The runtime's CRI socket, asked for its version (default: where the distribution has it)." },
  {
    flag: "--registries LIST",
    help: "Registries for runtimes that know no mirror for all of them, with commas (default: the well-known ones).",
  },
  { flag: "--exclude LIST", help: "Registries that are never asked through the mirror, with commas." },
  { flag: "--no-resolve", help: "Content by digest only comes through the mirror; tags are asked at the registry itself." },
  { flag: "--root DIR", help: "Where the node's file system is seen from here (default: /)." },
  { flag: "--state-dir DIR", help: "Where it is kept what was there before (default: /var/lib/darner-node-setup)." },
];

/** `darner configure`: tells a container runtime of this node about the mirror, or takes it back. */
export const configureCommand: Command = {
  name: "configure",
  summary: "Tell a container runtime of this node about the mirror, or take it back.",
  usage: "configure containerd|crio|docker|podman [--dry-run | --undo] [--mirror HOST:PORT] [--exclude LIST] [--config-dir DIR]",
  about:
    "Puts the mirror before everything else in the runtime's own files, keeps what others wrote there, and remembers how it was; --undo puts it back byte for byte. Never restarts a runtime: where one has to be told of a directory first, it says which lines to add. Prints what it changed.",
  flags: [
    { flag: "--dry-run", help: "Print the changes as a diff and make none." },
    { flag: "--undo", help: "Put everything back as it was." },
    ...NODE_FLAGS,
  ],
  takesConfig: false,
  async run(context) {
    const { runConfigure } = await import("../../node/run-configure.ts");
    return runConfigure(context);
  },
};
