import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { capturedLog } from "@darner/testkit";
import { silentLog } from "../log.ts";
import { notifySupervisor } from "./notify-supervisor.ts";

// Node has no such socket, so a few lines of Perl are systemd: they print the first datagram and answer the barrier that follows it by closing.
const LISTENER = `use Socket; socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die; bind($s, sockaddr_un($ARGV[0])) or die;
$| = 1; print "listening\\n"; recv($s, my $said, 4096, 0); print "$said\\n"; recv($s, $said, 4096, 0);`;
const missing = ["/usr/bin/systemd-notify", "/usr/bin/perl"].find((program) => !existsSync(program));

for (const [notice, said] of [
  ["ready", "READY=1"],
  ["stopping", "STOPPING=1"],
] as const) {
  test(`systemd is told ${said}`, { skip: missing === undefined ? false : `there is no ${missing}` }, async () => {
    const dir = await mkdtemp(join(tmpdir(), "darner-notify-"));
    const socket = join(dir, "notify");
    const listener = spawn("/usr/bin/perl", ["-e", LISTENER, socket], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      let output = "";
      listener.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
      await once(listener.stdout, "data");
      const log = capturedLog();
      const told = notifySupervisor(notice, { env: { NOTIFY_SOCKET: socket }, log });
      await once(listener, "close");
      await told;
      assert.equal(output, `listening\n${said}\n`);
      assert.deepEqual(log.lines, []);
    } finally {
      listener.kill();
      await rm(dir, { recursive: true });
    }
  });
}

test("a socket that nobody listens on is logged, and nothing else happens", async () => {
  const log = capturedLog();
  await notifySupervisor("ready", { env: { NOTIFY_SOCKET: "/nonexistent/notify" }, log });
  assert.deepEqual(
    log.lines.map(({ level, message }) => [level, message]),
    [["warn", "systemd could not be told"]],
  );
});

test("without systemd no program is started", async () => {
  for (const env of [{}, { NOTIFY_SOCKET: "" }]) await notifySupervisor("ready", { env, log: silentLog });
});
