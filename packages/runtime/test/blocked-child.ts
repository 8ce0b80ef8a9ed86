// A process with a watchdog whose main loop stands still, or works on and on, when it is told to.
import { openLog, startWatchdog } from "@darner/runtime";

const [scene, seconds] = process.argv.slice(2);
const log = openLog({ level: "info", name: "test" });
using watchdog = startWatchdog({ seconds: Number(seconds), log });
const { promise, resolve } = Promise.withResolvers<undefined>();
process.on("SIGUSR2", () => resolve(undefined));
const alive = setInterval(() => {}, 1000);
process.stdout.write("running\n");
setImmediate(() => {
  if (scene === "blocks") for (;;);
  // Many short pieces of work in one turn, far longer than it may stand still.
  if (scene === "works") for (let until = performance.now() + 4000 * Number(seconds); performance.now() < until;) watchdog.beat();
  if (scene === "logs-to-nobody") for (;;) log.info("x".repeat(1000));
});
await promise;
clearInterval(alive);
process.stdout.write("ended by itself\n");
