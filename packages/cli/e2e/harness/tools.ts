import { spawnSync } from "node:child_process";

/** What the end-to-end suite needs beside npm, by Debian package. */
const TOOLS: Readonly<Record<string, string>> = {
  containerd: "containerd",
  ctr: "containerd",
  "docker-registry": "docker-registry",
  skopeo: "skopeo",
  ip: "iproute2",
};

/** Why the suite cannot run here; undefined where it can. */
export function missingTools(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "network namespaces need Linux and root";
  const missing = Object.entries(TOOLS).filter(([tool]) => spawnSync("sh", ["-c", `command -v ${tool}`]).status !== 0);
  if (missing.length === 0) return undefined;
  return `not installed: ${missing.map(([tool]) => tool).join(", ")} (Debian: apt-get install ${[...new Set(missing.map(([, name]) => name))].join(" ")})`;
}
