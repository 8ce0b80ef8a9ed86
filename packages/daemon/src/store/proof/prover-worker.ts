import { parentPort } from "node:worker_threads";

import { HashTurns, type HashOrder } from "./hash-turns.ts";

// The thread that `worker-prover.ts` starts: orders in, outcomes out.
const port = parentPort;
if (port !== null) {
  const turns = new HashTurns((outcome) => {
    port.postMessage(outcome);
  });
  port.on("message", (order: HashOrder) => {
    turns.obey(order);
  });
}
