import type { Command, FlagHelp } from "../../command.ts";

/** The flags that say which node of which cluster this is; `node-setup` has them too. */
export const CLUSTER_FLAGS: readonly FlagHelp[] = [
  { flag: "--node NAME", help: "The node's name in the cluster." },
  { flag: "--api-server URL", help: "The cluster's API server (default: what Kubernetes tells every pod)." },
  { flag: "--api-ca FILE", help: "The certificates to trust for it (default: where Kubernetes mounts them)." },
  { flag: "--api-token FILE", help: "The token to show it (default: where Kubernetes mounts it)." },
];

/** `darner node-init`: what has to be done as root, once, before a daemon that is not root can start. */
export const nodeInitCommand: Command = {
  name: "node-init",
  summary: "Make a node's directory the daemon's own, and look where the node stands.",
  usage: "node-init [--own DIR --as UID:GID] [--zone-file FILE --node NAME] [--zone-labels LIST]",
  about:
    "Runs before the daemon of a pod and ends. Makes the directory if it has to, and gives it to the daemon's user. Writes the node's zone, from its labels, to a file (zoneFile); where the API server cannot say it, the file is empty and the daemon starts without a zone.",
  flags: [
    { flag: "--own DIR", help: "The directory that the daemon keeps everything in." },
    { flag: "--as UID:GID", help: "Whose it becomes." },
    { flag: "--zone-file FILE", help: "Where the zone is written." },
    {
      flag: "--zone-labels LIST",
      help: "The labels that say where a node stands, coarse to fine, with commas (default: the region's and the zone's).",
    },
    ...CLUSTER_FLAGS,
  ],
  takesConfig: false,
  async run(context) {
    const { runNodeInit } = await import("../../node/run-node-init.ts");
    return runNodeInit(context);
  },
};
