import assert from "node:assert/strict";
import type { Server } from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { isRepositoryName } from "@darner/domain";
import { Registry, silentLog } from "@darner/runtime";
import { StoppedClock } from "@darner/testkit";
import type { FuzzDice, FuzzTarget } from "@darner/testkit";
import { createMirrorMetrics } from "../src/metrics.ts";
import { openMirror } from "../src/open-mirror.ts";
import { MapBackend } from "../test/map-backend.ts";

const GET = "GET /v2/a/b/manifests/v1?ns=quay.io HTTP/1.1\r\nHost: m\r\n";
const BLOB = new Uint8Array(3000).fill(7);
// The answer to whatever came is there after a few turns of the event loop, or it never comes: that is what "in time" means here.
const MAX_TURNS = 400;

/** The server's end of a connection that exists in memory only. */
class Line extends Duplex {
  readonly sent: Buffer[] = [];
  readonly remoteAddress: string = "127.0.0.1";

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.sent.push(chunk);
    done();
  }

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }
}

function openTarget(): FuzzTarget {
  const backend = new MapBackend();
  const clock = new StoppedClock();
  backend.addManifest("quay.io/a/b", "v1", "{}", "application/vnd.oci.image.manifest.v1+json");
  const digest = backend.addBlob("quay.io/a/b", BLOB, { chunkBytes: 1000 });
  const blob = `GET /v2/a/b/blobs/${digest}?ns=quay.io HTTP/1.1\r\nHost: m\r\n`;
  const { server } = openMirror({
    config: { defaultRegistry: "docker.io", allow: () => true, registries: [], ownAddresses: [], lingerMs: 1 },
    backend,
    log: silentLog,
    metrics: createMirrorMetrics(new Registry()),
    clock,
  });
  const headers = [
    "Content-Length: 4\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Connection: close\r\n",
    "Expect: 100-continue\r\n",
    "Upgrade: h2c\r\nConnection: Upgrade\r\n",
    "Range: bytes=0-5,7-9\r\n",
    "If-None-Match: *\r\n",
    "Via: 1.1 darner\r\n",
    "Host: n\r\n",
  ];
  const make = (dice: FuzzDice): string =>
    Array.from(
      { length: 1 + dice.below(4) },
      () => `${dice.pick([GET, GET, blob, GET.replace("GET", "PUT")])}${dice.some(headers, 3).join("")}\r\n`,
    ).join("");
  return {
    name: "mirror-connection",
    seeds: [
      `${GET}\r\n`,
      `${blob}\r\n`,
      `${GET}Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n`,
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "\u0016\u0003\u0001",
    ],
    words: [...headers, GET, blob, "\r\n", "\n", "\r\n\r\n", " HTTP/1.0", "HEAD ", "CONNECT x:1 ", ": ", "0\r\n\r\n", "\u0000"],
    make,
    check: (input) => answersTo(input, server, backend, clock),
    close: async () => {
      server.close();
      await Promise.resolve();
    },
  };
}

/** Gives the input to the server on a connection of its own, waits until that is over, and says how it was answered. */
async function answersTo(input: Uint8Array, server: Server, backend: MapBackend, clock: StoppedClock): Promise<string> {
  backend.manifestRequests.length = 0;
  backend.blobRequests.length = 0;
  const line = new Line();
  server.emit("connection", line as unknown as Socket);
  line.push(input);
  line.push(null);
  for (let turns = 0; !line.destroyed && turns < MAX_TURNS; turns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(1);
  }
  assert.ok(line.destroyed, "the connection does not end");
  const statuses = statusesIn(Buffer.concat(line.sent).toString("latin1"));
  for (const { repository } of [...backend.manifestRequests, ...backend.blobRequests]) assert.ok(isRepositoryName(repository.name));
  assert.ok(backend.manifestRequests.length + backend.blobRequests.length <= statuses.length, "somebody was asked for nobody");
  assert.deepEqual([backend.openBlobs, backend.openReaders, backend.lent], [0, 0, 0]);
  return [...new Set(statuses)].slice(0, 3).join(" ");
}

/** The statuses of all responses; what stands between them has to be their bodies. */
function statusesIn(sent: string): number[] {
  return [...sent.matchAll(/HTTP\/1\.1 ([0-9]{3}) [A-Za-z' -]+\r\n/g)].map(([, status]) => {
    assert.ok([200, 206, 304, 400, 404, 405, 408, 416, 431, 501, 503, 505, 508].includes(Number(status)), status);
    return Number(status);
  });
}

/**
 * Raw bytes on a connection to the mirror: Node's HTTP parser and everything behind it.
 * @public the runner finds it by the name of its file
 */
export const connection: FuzzTarget = openTarget();
