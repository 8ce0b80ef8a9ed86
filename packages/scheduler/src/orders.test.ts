import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, hostIdOf, type Task } from "@darner/domain";
import type { SchedulerEffect } from "@darner/scheduler-core";
import { noLeaks } from "@darner/testkit";
import { hasteOf, isForMany } from "./orders.ts";

noLeaks();

const task: Task = { digest: digestOf(`sha256:${"b".repeat(64)}`), size: 1 };
const run = { first: 0, stride: 1, count: 1 };
const host = (number: number): SchedulerEffect["host"] => hostIdOf(`host-${String(number)}`);
const grantTo = (number: number): SchedulerEffect => ({
  type: "grant-pieces",
  host: host(number),
  task,
  grant: number,
  parent: host(0),
  address: "10.0.0.1:4102",
  run,
});

test("what one event leads to for hundreds of hosts goes after what is for a few, but for who is to read", () => {
  const stripe: SchedulerEffect = { type: "grant-stripe", host: host(0), task, grant: 1, run, connections: 1 };
  const deal = [stripe, ...Array.from({ length: 300 }, (_, number) => grantTo(number))];
  const isDeal = isForMany(deal);
  assert.deepEqual([isDeal, hasteOf(stripe, isDeal), hasteOf(grantTo(1), isDeal)], [true, "awaited", "ahead"]);
});

test("many orders for one host are no deal, and lines of a table are never in haste", () => {
  const isDeal = isForMany(Array.from({ length: 300 }, () => grantTo(1)));
  assert.deepEqual([isDeal, hasteOf(grantTo(1), isDeal)], [false, "awaited"]);
  assert.equal(hasteOf({ type: "send-table", host: host(0), task, hashes: [] }, isDeal), "later");
});
