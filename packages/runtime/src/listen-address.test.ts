import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatAddress, parseListen } from "./listen-address.ts";

test("host and port are read, IPv6 from its brackets", () => {
  assert.deepEqual(parseListen("127.0.0.1:4101"), { host: "127.0.0.1", port: 4101 });
  assert.deepEqual(parseListen("[::1]:0"), { host: "::1", port: 0 });
  assert.deepEqual(parseListen("scheduler-0.darner:65535"), { host: "scheduler-0.darner", port: 65_535 });
});

test("what is no address is refused", () => {
  for (const wrong of [
    "",
    ":1",
    "host",
    "host:",
    "host:65536",
    "host:1x",
    "http://h:1",
    "::1:1",
    "[::1]",
    "h:1/",
    "h h:1",
    "-h:1",
    "h:-1",
  ]) {
    assert.equal(parseListen(wrong), undefined, wrong);
  }
});

test("an address that is written reads back", () => {
  const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
  fc.assert(
    fc.property(host, fc.nat({ max: 65_535 }), (name, port) => {
      assert.deepEqual(parseListen(formatAddress({ host: name, port })), { host: name, port });
    }),
    { numRuns: 200 },
  );
});
