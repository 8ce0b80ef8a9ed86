import assert from "node:assert/strict";
import { test } from "node:test";
import { clientOf, isLoopback } from "./client-address.ts";

test("an IPv4 client is its address, however the socket writes it", () => {
  assert.equal(clientOf("10.0.0.7"), "10.0.0.7");
  assert.equal(clientOf("::ffff:10.0.0.7"), "10.0.0.7");
});

test("an IPv6 client is its network of 64 bits, however it is written", () => {
  for (const address of ["2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:0db8:0:1:0:0:0:9%eth0"]) {
    assert.equal(clientOf(address), "2001:db8:0:1::/64", address);
  }
  assert.equal(clientOf("fe80::1%eth0"), "fe80:0:0:0::/64");
  assert.notEqual(clientOf("2001:db8:0:2::1"), clientOf("2001:db8:0:1::1"));
});

test("loopback is known in every spelling of a socket", () => {
  for (const address of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]) assert.equal(isLoopback(address), true, address);
  for (const address of ["10.0.0.1", "", "::", "128.0.0.1"]) assert.equal(isLoopback(address), false, address);
});
