import assert from "node:assert/strict";
import { test } from "node:test";
import { SingleFlight } from "./single-flight.ts";

test("callers of one key share one piece of work, callers of another have their own", async () => {
  const flights = new SingleFlight<string, string>();
  const { promise, resolve } = Promise.withResolvers<string>();
  let starts = 0;
  const start = (): Promise<string> => {
    starts += 1;
    return promise;
  };
  const both = [flights.run("a", start), flights.run("a", start), flights.run("b", start)];
  assert.equal(starts, 2);
  resolve("done");
  assert.deepEqual(await Promise.all(both), ["done", "done", "done"]);
  assert.equal(flights.size, 0);
  await flights.run("a", start);
  assert.equal(starts, 3);
});

test("a failure reaches everybody and the next caller starts again", async () => {
  const flights = new SingleFlight<string, number>();
  const fail = (): Promise<number> => Promise.reject(new Error("no"));
  const results = await Promise.allSettled([flights.run("a", fail), flights.run("a", fail)]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  assert.equal(await flights.run("a", () => Promise.resolve(7)), 7);
});

test("work that throws before its first await is a failure, too", async () => {
  const flights = new SingleFlight<string, number>();
  const fail = (): Promise<number> => {
    throw new Error("at once");
  };
  await assert.rejects(flights.run("a", fail), /at once/);
  assert.equal(flights.size, 0);
});

test("a caller that aborts leaves alone; the work goes on for the others", async () => {
  const flights = new SingleFlight<string, number>();
  const { promise, resolve } = Promise.withResolvers<number>();
  const controller = new AbortController();
  let ended: AbortSignal | undefined;
  const start = (signal: AbortSignal): Promise<number> => {
    ended = signal;
    return promise;
  };
  const leaves = flights.run("a", start, controller.signal);
  const stays = flights.run("a", start);
  controller.abort(new Error("gone"));
  await assert.rejects(leaves, /gone/);
  assert.equal(ended?.aborted, false);
  resolve(5);
  assert.equal(await stays, 5);
});

test("when the last caller has left the work is aborted and the key is free", async () => {
  const flights = new SingleFlight<string, number>();
  const controller = new AbortController();
  const { promise: aborted, resolve } = Promise.withResolvers<string>();
  const never = (signal: AbortSignal): Promise<number> => {
    const { promise, reject } = Promise.withResolvers<number>();
    signal.addEventListener("abort", () => {
      resolve("aborted");
      reject(signal.reason as Error);
    });
    return promise;
  };
  const left = flights.run("a", never, controller.signal);
  controller.abort(new Error("gone"));
  await assert.rejects(left, /gone/);
  assert.equal(await aborted, "aborted");
  assert.equal(await flights.run("a", () => Promise.resolve(1)), 1);
});

test("a caller that is aborted already starts nothing", async () => {
  const flights = new SingleFlight<string, number>();
  await assert.rejects(
    flights.run("a", () => assert.fail("started"), AbortSignal.abort(new Error("before"))),
    /before/,
  );
  assert.equal(flights.size, 0);
});
