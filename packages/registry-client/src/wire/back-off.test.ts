import assert from "node:assert/strict";
import { test } from "node:test";
import { noLeaks, randomBlob, StoppedClock } from "@darner/testkit";
import { ada, anonymous, caller, failure, openBench, own, read, type Bench } from "../../test/setup.ts";

noLeaks();

const blob = randomBlob("back-off", 1000);

async function bench(clock: StoppedClock): Promise<Bench> {
  const made = await openBench({ deps: { timers: clock }, entry: { credentials: ada } });
  made.registry.content.pushBlob("team/app", blob.bytes);
  return made;
}

const tooMany = (after?: string): { kind: "status"; status: number; headers: Record<string, string> } => ({
  kind: "status",
  status: 429,
  headers: after === undefined ? {} : { "retry-after": after },
});

test("case 78: after a 429 nobody of this identity asks until Retry-After is over", async () => {
  const clock = new StoppedClock();
  await using b = await bench(clock);
  b.registry.fault({ times: 1, do: tooMany("30") });
  assert.equal((await failure(read(b, blob), "rate-limited")).retryAfterMs, 30_000);
  clock.advance(29_999);
  assert.equal((await failure(read(b, blob), "rate-limited")).retryAfterMs, 1);
  const listing = b.client.relay({ registry: b.registry.host, path: "/v2/", authority: anonymous });
  await failure(listing, "rate-limited");
  assert.equal(b.registry.requests.length, 1);
  clock.advance(1);
  assert.equal((await read(b, blob)).length, 1000);
});

test("case 78: another identity is not held back, nor is another caller", async () => {
  await using b = await bench(new StoppedClock());
  b.registry.fault({ times: 1, do: tooMany("30") });
  await failure(read(b, blob, { authority: caller("Bearer a") }), "rate-limited");
  await failure(read(b, blob, { authority: caller("Bearer a") }), "rate-limited");
  await read(b, blob, { authority: caller("Bearer b") });
  await read(b, blob, { authority: own });
  await read(b, blob);
  assert.equal(b.registry.requests.length, 4);
});

test("case 78: Retry-After as a date, measured by the registry's own clock", async () => {
  await using b = await bench(new StoppedClock());
  const headers = { date: "Sat, 21 Nov 2026 10:00:00 GMT", "retry-after": "Sat, 21 Nov 2026 10:02:00 GMT" };
  b.registry.fault({ do: { kind: "status", status: 429, headers } });
  assert.equal((await failure(read(b, blob), "rate-limited")).retryAfterMs, 120_000);
});

test("case 78: without Retry-After ten seconds, with an absurd one an hour, with zero none", async () => {
  for (const [after, ms] of [
    [undefined, 10_000],
    ["soon", 10_000],
    ["999999999", 3_600_000],
    ["0", 0],
  ] as const) {
    await using b = await bench(new StoppedClock());
    b.registry.fault({ times: 1, do: tooMany(after) });
    assert.equal((await failure(read(b, blob), "rate-limited")).retryAfterMs, ms);
    if (ms === 0) await read(b, blob);
  }
});

test("a listing that is refused for now is an answer, and is remembered as well", async () => {
  await using b = await bench(new StoppedClock());
  b.registry.fault({ times: 1, do: tooMany("30") });
  const answer = await b.client.relay({ registry: b.registry.host, path: "/v2/", authority: anonymous });
  assert.deepEqual([answer.status, answer.headers["retry-after"]], [429, "30"]);
  await failure(read(b, blob), "rate-limited");
});

test("a token service that asks for a pause holds back its identity", async () => {
  await using b = await openBench({ registry: { access: { scheme: "bearer" } }, deps: { timers: new StoppedClock() } });
  b.registry.fault({ when: { kind: "token" }, do: tooMany("5") });
  assert.equal((await failure(read(b, blob), "rate-limited")).retryAfterMs, 5000);
  await failure(read(b, blob), "rate-limited");
  assert.equal(b.registry.requests.length, 2);
});
