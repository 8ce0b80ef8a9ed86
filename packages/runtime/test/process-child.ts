// A process as `runProcess` makes it, doing what its first argument says.
import { openLog, runProcess, StartError } from "@darner/runtime";
import type { ProcessContext } from "@darner/runtime";

const scene = process.argv[2];
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function open({ signal, resources }: ProcessContext): Promise<void> {
  if (scene === "start-error") throw new StartError({ code: "config-invalid" }, "the configuration is wrong: do this");
  if (scene === "open-fails") throw new Error("something else");
  if (scene === "slow-start") {
    say("opening");
    const { promise, reject } = Promise.withResolvers<undefined>();
    signal.addEventListener("abort", () => reject(signal.reason as Error));
    await promise;
  }
  const alive = setInterval(() => {}, 1000);
  resources.defer(() => {
    clearInterval(alive);
    say("first closed");
  });
  resources.defer(() => say("second closed"));
  if (scene === "hangs-at-the-end") resources.defer(() => new Promise(() => {}));
  if (scene === "fails-at-the-end") {
    resources.defer(() => {
      throw new Error("cannot close");
    });
  }
  if (scene === "uncaught") {
    setImmediate(() => {
      throw new Error("nobody catches me");
    });
  }
  if (scene === "unhandled") void Promise.reject(new Error("nobody handles me"));
  say("open");
}

await runProcess(open, { log: openLog({ level: "info", name: "test" }), ...(scene === "hangs-at-the-end" ? { graceMs: 50 } : {}) });
say("over");
