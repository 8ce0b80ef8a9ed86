import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job, JobRequest } from "@darner/preheat";
import { StartError } from "@darner/runtime";
import { capturedLog, noLeaks } from "@darner/testkit";
import { startSchedules } from "./schedules.ts";

noLeaks();

const EVERY_SECOND = "* * * * * *";

test("a list of images is preheated when its time comes, with the scope it names, and not once stopped", async () => {
  const fired = Promise.withResolvers<JobRequest>();
  const create = (request: JobRequest): Promise<Job> => {
    fired.resolve(request);
    return Promise.reject(new Error("the store is full"));
  };
  const log = capturedLog();
  const schedule = { cron: EVERY_SECOND, images: ["nginx:1.27"], scope: "all_seed_peers" } as const;
  const running = startSchedules([schedule], { jobs: { create }, log });
  // The schedules keep no process alive; the test does.
  const alive = setInterval(() => undefined, 1000);
  const request = await fired.promise;
  clearInterval(alive);
  running[Symbol.dispose]();
  assert.deepEqual([request.scope, request.via], [{ kind: "all-seeds" }, "schedule"]);
  assert.deepEqual(request.images, [{ repository: { registry: "docker.io", name: "library/nginx" }, tag: "1.27" }]);
});

test("a schedule that is none, or names what is no image, is a start error with its key", () => {
  const deps = { jobs: { create: () => assert.fail("nothing fires") }, log: capturedLog() };
  const start = (change: object) => () => startSchedules([{ cron: "0 3 * * *", images: ["nginx"], scope: "all_peers", ...change }], deps);
  const named = (key: string) => (error: unknown) => error instanceof StartError && error.message.startsWith(`preheat.schedules[0].${key}`);
  assert.throws(start({ cron: "61 * * * *" }), named("cron"));
  assert.throws(start({ timezone: "Mars/Olympus" }), named("cron"));
  assert.throws(start({ images: ["A B"] }), named("images"));
  start({})()[Symbol.dispose]();
});
