// Loaded into the process of every test file. node:test waits for that process without end, and a server, a timer or a child that a test left
// behind keeps it alive: one file would take the results of all others with it. So it ends itself, as a failure that names what was left.
import { after } from "node:test";
import { livesOnMs } from "./test-flags.ts";

// The runner itself loads this file as well.
if (process.env["NODE_TEST_CONTEXT"] === "child-v8") after(endSoon);

function endSoon(): void {
  const ms = livesOnMs();
  setTimeout(() => {
    const left = Map.groupBy(process.getActiveResourcesInfo(), (kind) => kind);
    const kinds = [...left].map(([kind, all]) => `${kind} (${String(all.length)})`).join(", ");
    process.stderr.write(`still alive ${String(ms)} ms after its last test, because of ${kinds}\n`);
    process.kill(process.pid, "SIGKILL");
  }, ms).unref();
}
