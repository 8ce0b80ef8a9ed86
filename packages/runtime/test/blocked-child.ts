// A process with a watchdog whose main loop stands still when it is told to, or never.
import { openLog, startWatchdog } from "@darner/runtime";

const [scene, seconds] = process.argv.slice(2);
const log = openLog({ level: "info", name: "test" });
using _watchdog = startWatchdog({ seconds: Number(seconds), log });
const { promise, resolve } = Promise.withResolvers<undefined>();
process.on("SIGUSR2", () => resolve(undefined));
const alive = setInterval(() => {}, 1000);
process.stdout.write("running\n");
setImmediate(() => {
  if (scene === "blocks") for (;;);
  if (scene === "logs-to-nobody") for (;;) log.info("x".repeat(1000));
});
await promise;
clearInterval(alive);
process.stdout.write("ended by itself\n");
