import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { digestOf } from "@darner/domain";
import { loadSchedulerService, readHostMessage, SESSION_CHANNEL_OPTIONS, writeSchedulerMessage, type WireObject } from "@darner/protocol";

// What grpc-js costs without a scheduler behind it: every message of a daemon is read, and answered with one order. Hosts are given
// stripes in turns, so that a client of the load test has something to report.
const STRIPE_PIECES = 16;
const PIECES = 256;

const server = new Server(SESSION_CHANNEL_OPTIONS);
const Session = (call: ServerDuplexStream<unknown, WireObject>): void => {
  let next = 0;
  let reported = STRIPE_PIECES;
  let grant = 0;
  call.on("data", (value: unknown) => {
    const { hello, reports } = readHostMessage(value);
    if (hello !== undefined) call.write(writeSchedulerMessage({ welcome: { scheduler: "echo", version: "0" } }));
    for (const { task, report } of reports) {
      if (report.type === "open") [next, reported] = [0, STRIPE_PIECES];
      reported += report.type === "verified" ? 1 : 0;
      const isSmall = task.digest.startsWith("sha256:b");
      const gives = isSmall ? report.type === "open" : reported >= STRIPE_PIECES && next < PIECES;
      const run = { first: isSmall ? 0 : next, stride: 1, count: isSmall ? 1 : STRIPE_PIECES };
      if (gives && !isSmall) [next, reported] = [next + STRIPE_PIECES, 0];
      const order = gives
        ? ({ type: "grant-stripe", grant: ++grant, run, connections: 1 } as const)
        : ({ type: "revoke-grant", grant } as const);
      call.write(writeSchedulerMessage({ orders: [{ task: { digest: digestOf(task.digest), size: task.size }, order }] }));
    }
  });
  for (const event of ["error", "cancelled"]) call.on(event, () => call.end());
  call.on("end", () => call.end());
};
server.addService(loadSchedulerService().definition, { Session });
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  console.error(JSON.stringify({ message: "scheduler ready", grpc: `127.0.0.1:${String(port)}` }));
});
process.once("SIGTERM", () => {
  server.forceShutdown();
});
