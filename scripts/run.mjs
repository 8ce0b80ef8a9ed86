// node scripts/run.mjs SCRIPT.ts [ARGUMENT…]: sets the checkout up where needed, then runs the script on Node 24.
// Arguments, standard streams, signals and the exit code pass through.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { environment, setUp, stopSetUp } from "./set-up/set-up.mjs";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR2"];
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [script, ...args] = process.argv.slice(2);

if (script === undefined) {
  process.stderr.write("usage: node scripts/run.mjs SCRIPT.ts [ARGUMENT…]\n");
  process.exitCode = 2;
} else {
  try {
    run(await prepare());
  } catch (error) {
    process.stderr.write(`set-up failed: ${error.message}\n`);
    process.exitCode = 1;
  }
}

async function prepare() {
  let interruptedBy;
  const interrupt = (signal) => {
    // What npm leaves half done has no stamp, so the next run starts over; but not before npm is gone. Asked twice, we do not wait.
    const isFirst = interruptedBy === undefined;
    interruptedBy = signal;
    if (!isFirst || !stopSetUp(signal)) process.exit(128 + constants.signals[signal]);
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    return await setUp(root);
  } catch (error) {
    if (interruptedBy !== undefined) process.exit(128 + constants.signals[interruptedBy]);
    throw error;
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}

function run(node) {
  const child = spawn(node, ["--conditions=source", "--disable-sigusr1", resolve(root, script), ...args], {
    stdio: "inherit",
    env: environment(root, node),
  });
  const forward = (signal) => {
    // A terminal sends Ctrl-C to the whole foreground group: the child has it already, and a second one would mean "at once".
    if (signal === "SIGINT" && process.stdin.isTTY === true) return;
    child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, forward);
  child.once("error", (error) => {
    process.stderr.write(`${node} could not be started: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.once("exit", (code, signal) => {
    for (const name of SIGNALS) process.off(name, forward);
    if (signal === null) process.exitCode = code ?? 1;
    else endLike(signal);
  });
}

// The caller sees the same end as ours: killed by a signal is not the same as an exit code.
function endLike(signal) {
  process.exitCode = 128 + constants.signals[signal];
  process.kill(process.pid, signal);
}
