import assert from "node:assert/strict";
import { test } from "node:test";
import type { HarborVersion } from "./driver.ts";
import { HarborSimulator, type TaskOutcome } from "./harbor-simulator.ts";
import { ScriptedProvider, type ProviderAnswer, type SeenRequest } from "./scripted-provider.ts";

const ARTIFACT = {
  url: "https://harbor.example.com/v2/library/nginx/manifests/1.27",
  imageName: "library/nginx",
  tag: "1.27",
  digest: "sha256:abc",
  headers: { Authorization: "Bearer pull-token" },
};

// For an end that is told of: a busy machine may be late.
const PATIENCE_MS = 30_000;

async function run(
  version: HarborVersion,
  post: ProviderAnswer,
  statuses: readonly string[] = [],
  limitMs = 4,
): Promise<TaskOutcome & { readonly requests: readonly SeenRequest[] }> {
  const left = [...statuses];
  await using provider = await ScriptedProvider.open(({ method, path }) => {
    if (path === "/_ping") return {};
    return method === "POST" ? post : { body: JSON.stringify({ id: "a-1", status: left.shift(), errorMsg: "no such tag" }) };
  });
  using harbor = new HarborSimulator({ version, tickMs: 1, limitMs, instance: { vendor: "dragonfly", endpoint: provider.endpoint } });
  return { ...(await harbor.run(ARTIFACT)), requests: provider.requests };
}

const CREATED: ProviderAnswer = { body: `{"id":"a-1"}` };

test("Harbor 2.11 speaks Dragonfly 1: the digest in the body, ids that are texts, its own words for states", async () => {
  const { status, requests } = await run("2.11", CREATED, ["WAITING", "SUCCESS"], PATIENCE_MS);
  assert.equal(status, "Success");
  assert.deepEqual(
    requests.map(({ method, path }) => `${method} ${path}`),
    ["GET /_ping", "POST /preheats", "GET /preheats/a-1", "GET /preheats/a-1"],
  );
  assert.equal(
    requests[1]?.body,
    `{"type":"image","url":"${ARTIFACT.url}","headers":{"Authorization":"Bearer pull-token"},"image":"library/nginx","tag":"1.27","digest":"sha256:abc"}`,
  );
});

test("FAIL and FAILED end a task of 2.11; an older one polls on to its limit, as it does for words it does not know", async () => {
  for (const word of ["FAIL", "FAILED"])
    assert.equal((await run("2.11", CREATED, [word], PATIENCE_MS)).error, "preheat failed: no such tag");
  assert.match((await run("2.2", CREATED, ["FAIL", "FAIL", "FAIL", "FAIL"])).error ?? "", /timeout/);
  assert.match((await run("2.11", CREATED, ["", "PENDING", "", ""])).error ?? "", /timeout/);
});

test("208 is a success for 2.11 and an error for the oldest; an id that is a number is an error", async () => {
  assert.equal((await run("2.11", { status: 208, body: `{"id":""}` })).status, "Success");
  assert.equal((await run("2.2", { status: 208, body: `{"id":""}` })).status, "Error");
  assert.equal((await run("2.11", { body: `{"id":1}` })).status, "Error");
});
