import { join } from "node:path";

/** How long a file may live on after its last test unless said otherwise, in milliseconds: what its hooks take down (a cluster, a machine) is gone in less. */
const LIVES_ON_MS = 180_000;
/** The variable that says another time: to try what happens then. */
export const LIVES_ON = "DARNER_TEST_LIVES_ON_MS";

/** What Node is given to run test files as they are, without a build; no file of them outlives its tests for long. */
export function testFlags(timeoutMs: number): readonly string[] {
  return [
    "--conditions=source",
    "--test",
    `--test-timeout=${String(timeoutMs)}`,
    `--import=${join(import.meta.dirname, "end-of-file.ts")}`,
  ];
}

/** How long the file that runs here may live on after its last test. */
export function livesOnMs(): number {
  return Number(process.env[LIVES_ON] ?? LIVES_ON_MS);
}
