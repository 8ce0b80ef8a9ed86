import { createServer, connect } from "node:net";

// Leads a TCP port of this network namespace to the unix socket of an API server that runs outside of it: PORT SOCKET.
const [port = "", socket = ""] = process.argv.slice(2);

createServer((client) => {
  const server = connect(socket);
  client.on("error", () => server.destroy());
  server.on("error", () => client.destroy());
  client.pipe(server).pipe(client);
}).listen(Number(port), "0.0.0.0", () => {
  process.stdout.write("open\n");
});
