import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

// What the end-to-end suite starts; all of it comes from Debian packages (.ci/run names them).
const PROGRAMS = ["containerd", "ctr", "runc", "docker-registry", "skopeo", "umoci", "ip"];

/** One line on what `npm test` leaves out, and whether this machine could run it. */
export function e2eNote(): string {
  const missing = PROGRAMS.filter((program) => !isHere(program));
  const here = missing.length === 0 ? "everything it needs is here" : `not here: ${missing.join(", ")}`;
  return `skipped: the end-to-end suite on real containerd and docker-registry; npm run e2e runs it (${here})`;
}

function isHere(program: string): boolean {
  const folders = (process.env["PATH"] ?? "").split(delimiter).concat("/usr/sbin", "/sbin");
  return folders.some((folder) => isExecutable(join(folder, program)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
