import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The files of the end-to-end suite, those of its folders too, in order. */
export function suiteFiles(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".e2e.ts"))
    .toSorted();
}

// What a file of the suite imports to have a real containerd or registry, namespaces, or a real Helm.
const DEBIAN_HARNESS =
  /from "(?:\.\.?\/)+(?:harness\/(?:cluster|containerd|docker-registry|local-nodes|network)|test\/kubernetes\/helm)\.ts"/;

/** Whether a file needs more than a checkout gives: Debian's containerd or registry, root, or a Helm that is fetched first. */
export function needsDebian(dir: string, file: string): boolean {
  return DEBIAN_HARNESS.test(readFileSync(join(dir, file), "utf8"));
}
