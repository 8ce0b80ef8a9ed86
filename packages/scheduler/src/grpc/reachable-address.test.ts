import assert from "node:assert/strict";
import { test } from "node:test";
import { reachableAddress } from "./reachable-address.ts";

test("an address with a host stays as it is", () => {
  assert.equal(reachableAddress("10.0.0.7:4102", "192.168.0.1:999"), "10.0.0.7:4102");
  assert.equal(reachableAddress("[fd00::1]:4102", "192.168.0.1:999"), "[fd00::1]:4102");
  assert.equal(reachableAddress("node-1.corp:4102", "unknown"), "node-1.corp:4102");
});

test("a port alone is that port at the host it was seen at, in whichever way gRPC writes it", () => {
  assert.equal(reachableAddress(":4102", "192.168.0.1:999"), "192.168.0.1:4102");
  assert.equal(reachableAddress(":4102", "::ffff:192.168.0.1:999"), "192.168.0.1:4102");
  assert.equal(reachableAddress(":4102", "fd00::1:2:50123"), "[fd00::1:2]:4102");
  assert.equal(reachableAddress(":4102", "::1:50123"), "[::1]:4102");
});

test("what cannot be dialled is no address", () => {
  for (const [said, seen] of [
    [":4102", "unknown"],
    ["", "10.0.0.1:1"],
    [":0", "10.0.0.1:1"],
    ["10.0.0.1", "10.0.0.1:1"],
    ["a b:1", "10.0.0.1:1"],
    [":99999", "10.0.0.1:1"],
    ["x:0", "10.0.0.1:1"],
  ] as const) {
    assert.equal(reachableAddress(said, seen), undefined, said);
  }
});
