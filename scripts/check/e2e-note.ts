import { missingTools } from "./suite-programs.ts";

/** One line on what `npm test` leaves out, and whether this machine could run it. */
export function e2eNote(): string {
  const here = missingTools() ?? "everything it needs is here";
  return `skipped: the end-to-end suite on real containerd and docker-registry; npm run e2e runs it (${here})`;
}
