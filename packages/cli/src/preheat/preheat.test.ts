import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { noLeaks, openTempDir } from "@darner/testkit";
import { runHere } from "../../test/run-here.ts";
import { ApiRefusal, type SchedulerApi } from "../cluster/scheduler-api.ts";
import { awaitJob } from "./await-job.ts";
import { jobText, type ToldHost, type ToldJob } from "./told-job.ts";

noLeaks();

const MIB = 1024 * 1024;

const hostAt = (hostName: string, state: string, mib: number): ToldHost => ({
  hostName,
  state,
  contents: 5,
  contentsHeld: mib === 10 ? 5 : 2,
  bytes: 10 * MIB,
  bytesHeld: mib * MIB,
});

function jobOf(state: string, hosts: readonly ToldHost[] = []): ToldJob {
  const isOver = !["pending", "running"].includes(state);
  const image = { name: "r.corp/a:v1", digest: "sha256:ab", platforms: ["linux/amd64"], bytes: 10 * MIB };
  return {
    id: 16,
    state,
    images: ["r.corp/a:v1"],
    createdAt: "2026-01-01T00:00:00.000Z",
    ...(isOver ? { finishedAt: "2026-01-01T00:00:01.000Z" } : {}),
    resolved: [image],
    hosts,
    failures: [],
    failuresLeftOut: 0,
  };
}

/** An API whose streams of events are these, one after the other; the last of them is what it says of the job. */
function scriptedApi(streams: readonly (readonly ToldJob[] | Error)[]): SchedulerApi {
  let at = 0;
  let last: ToldJob | undefined;
  return {
    ask: () => Promise.resolve(last),
    async *events() {
      const stream = streams[at++] ?? [];
      if (stream instanceof Error) throw stream;
      for (last of stream) yield await Promise.resolve(last);
    },
  };
}

function contextOf(live: boolean): { readonly said: string[]; readonly context: Parameters<typeof awaitJob>[2] } {
  const said: string[] = [];
  const terminal = { out: () => undefined, err: (text: string): void => void said.push(text), live, columns: 60 };
  return { said, context: { terminal, signal: new AbortController().signal } };
}

const running = jobOf("running", [hostAt("n1", "running", 5), hostAt("node-2", "waiting", 0), hostAt("n3", "complete", 10)]);
const done = jobOf("succeeded", [hostAt("n1", "complete", 10), hostAt("node-2", "complete", 10), hostAt("n3", "complete", 10)]);

test("on a terminal each host on its way has a line that is redrawn; elsewhere a line is said for each change", async () => {
  const live = contextOf(true);
  await awaitJob(scriptedApi([[running, running, done]]), 16, live.context, 0);
  const [first = "", second = "", end] = live.said;
  assert.match(
    first,
    /running: 1 of 3 hosts, 15\.0 MiB of 30\.0 MiB.*\n {2}n1 {6} 50 % {2}5\.0 MiB of 10\.0 MiB, 2 of 5.*\n {2}node-2 {2}waits/,
  );
  assert.ok(second.startsWith("\r\u001b[2A") && second.includes("succeeded: 3 of 3 hosts"), JSON.stringify(second));
  assert.equal(end, "\n");
  const plain = contextOf(false);
  await awaitJob(scriptedApi([[running, running, done]]), 16, plain.context, 0);
  assert.deepEqual(plain.said, ["running: 1 of 3 hosts, 15.0 MiB of 30.0 MiB\n", "succeeded: 3 of 3 hosts, 30.0 MiB of 30.0 MiB\n"]);
});

test("a scheduler that goes away is waited for, one that refuses is not", async () => {
  const { context } = contextOf(false);
  const job = await awaitJob(scriptedApi([[running], new Error("connection lost"), [done]]), 16, context, 0);
  assert.equal(job.state, "succeeded");
  await assert.rejects(awaitJob(scriptedApi([new ApiRefusal("no such job")]), 16, context, 0), /no such job/);
});

test("a job's text names what an admin should know of its images, and no host where there is nothing to hold", () => {
  const note = "r.corp/a:v1 has nothing for linux/arm64: hosts of that platform are left out";
  const [image] = done.resolved;
  assert.ok(image !== undefined);
  assert.ok(jobText({ ...done, resolved: [{ ...image, notes: [note] }] }).includes(`\n    ${note}\n`));
  assert.doesNotMatch(jobText({ ...jobOf("failed", [hostAt("n1", "waiting", 0)]), resolved: [] }), /n1/);
});

type Asked = { readonly type: string | undefined; readonly body: string };

/** A scheduler that answers everything with a job, and the way to call the command on it. */
async function openApi(): Promise<AsyncDisposable & { readonly asked: Asked[]; readonly call: (...words: string[]) => Promise<number> }> {
  const dir = await openTempDir();
  const tokenFile = join(dir.path, "token");
  writeFileSync(tokenFile, "t\n");
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => (body += part.toString()));
    request.on("end", () => {
      asked.push({ type: request.headers["content-type"], body });
      response.setHeader("connection", "close").end(JSON.stringify(done));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const api = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  return {
    asked,
    call: async (...words) => (await runHere([...words, "--api", api, "--token-file", tokenFile])).code,
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => server.close(resolve));
      await dir[Symbol.asyncDispose]();
    },
  };
}

test("a zone that is asked for is the job's, though the configuration has a key of that name", async () => {
  await using api = await openApi();
  await api.call("preheat", "r.corp/a:v1", "--zone", "eu-1", "--zone", "eu-2", "--label", "gpu=yes", "--count", "2", "--pin", "60");
  const { images, scope, pinSeconds } = JSON.parse(api.asked.at(-1)?.body ?? "{}") as Record<string, unknown>;
  assert.deepEqual(
    [images, scope, pinSeconds],
    [["r.corp/a:v1"], { kind: "hosts", count: 2, zones: ["eu-1", "eu-2"], labels: { gpu: "yes" } }, 60],
  );
});

test("what has no body claims no type of one: a job can be ended and forgotten", async () => {
  await using api = await openApi();
  for (const flag of ["--cancel", "--remove"]) {
    assert.equal(await api.call("jobs", "16", flag), 0);
    assert.deepEqual(api.asked.at(-1), { type: undefined, body: "" });
  }
});
