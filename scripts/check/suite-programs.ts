import { spawnSync } from "node:child_process";

/** What the end-to-end suite needs beside npm, by Debian package. */
const TOOLS: Readonly<Record<string, string>> = {
  containerd: "containerd",
  ctr: "containerd",
  "docker-registry": "docker-registry",
  skopeo: "skopeo",
  ip: "iproute2",
  tc: "iproute2",
  curl: "curl",
};

/** Why the suite cannot run here; undefined where it can. */
export function missingTools(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "network namespaces need Linux and root";
  return missingPrograms(Object.keys(TOOLS));
}

/** Which of these programs are not here, and what to install for them; undefined where all are. */
export function missingPrograms(programs: readonly string[]): string | undefined {
  const missing = programs.filter((program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0);
  if (missing.length === 0) return undefined;
  const packages = new Set(missing.map((program) => TOOLS[program] ?? program));
  return `not installed: ${missing.join(", ")} (Debian: apt-get install ${[...packages].join(" ")})`;
}
