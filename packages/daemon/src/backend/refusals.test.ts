import assert from "node:assert/strict";
import { test } from "node:test";
import { RegistryError, type RegistryFailure } from "@darner/registry-client";
import { BlobFailure, type BlobFailureDetail } from "../peers/blob-failure.ts";
import { StoreError, type StoreTrouble } from "../store/store-error.ts";
import { refusalOf } from "./refusals.ts";

const said = { body: new TextEncoder().encode("{}"), contentType: "application/json" };
const silent = { body: new Uint8Array(), contentType: "" };

type Answer = { readonly status: number; readonly code: string; readonly hasBody?: boolean; readonly retryAfterSeconds?: number };

// Every code of a registry's failure, by type: a new one does not compile without a row.
const REGISTRY: { readonly [Code in RegistryFailure["code"]]: readonly (readonly [Extract<RegistryFailure, { code: Code }>, Answer])[] } = {
  unauthorized: [
    [
      { code: "unauthorized", status: 401, challenges: ["Bearer x"], ...said },
      { status: 401, code: "UNAUTHORIZED", hasBody: true },
    ],
    [
      { code: "unauthorized", status: 401, challenges: [], ...said },
      { status: 404, code: "BLOB_UNKNOWN" },
    ],
  ],
  denied: [
    [
      { code: "denied", status: 403, ...silent },
      { status: 403, code: "DENIED" },
    ],
  ],
  "not-found": [
    [
      { code: "not-found", status: 404, ...said },
      { status: 404, code: "BLOB_UNKNOWN", hasBody: true },
    ],
  ],
  "rate-limited": [
    [
      { code: "rate-limited", status: 429, retryAfterMs: 1500 },
      { status: 503, code: "TOOMANYREQUESTS", retryAfterSeconds: 2 },
    ],
  ],
  refused: [
    [
      { code: "refused", status: 418, ...said },
      { status: 418, code: "UNSUPPORTED", hasBody: true },
    ],
    [
      { code: "refused", status: 304, ...silent },
      { status: 502, code: "BLOB_UNKNOWN" },
    ],
  ],
  unavailable: [[{ code: "unavailable" }, { status: 503, code: "BLOB_UNKNOWN" }]],
  "invalid-answer": [
    [
      { code: "invalid-answer", what: "x" },
      { status: 502, code: "BLOB_UNKNOWN" },
    ],
  ],
  "range-ignored": [[{ code: "range-ignored" }, { status: 502, code: "BLOB_UNKNOWN" }]],
  "host-refused": [
    [
      { code: "host-refused", host: "x", reason: "y" },
      { status: 404, code: "NAME_UNKNOWN" },
    ],
  ],
};

const BLOB: Readonly<Record<BlobFailureDetail["code"], Answer>> = {
  starved: { status: 503, code: "BLOB_UNKNOWN" },
  limited: { status: 503, code: "TOOMANYREQUESTS", retryAfterSeconds: 3 },
  refused: { status: 503, code: "BLOB_UNKNOWN" },
  "wrong-bytes": { status: 502, code: "BLOB_UNKNOWN" },
  "disk-refused": { status: 503, code: "BLOB_UNKNOWN" },
  "timed-out": { status: 503, code: "BLOB_UNKNOWN" },
  busy: { status: 503, code: "BLOB_UNKNOWN" },
  "not-shown": { status: 503, code: "BLOB_UNKNOWN" },
  "other-registry": { status: 503, code: "BLOB_UNKNOWN" },
  stopping: { status: 503, code: "BLOB_UNKNOWN" },
};

function answerTo(error: Error): Answer {
  const { status, code, body, retryAfterSeconds } = refusalOf(error, "BLOB_UNKNOWN");
  return {
    status,
    code,
    ...(body === undefined ? {} : { hasBody: true }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
}

test("contract 1.11, 1.12: every failure of a registry has its status, and none is 429 or a redirect", () => {
  for (const rows of Object.values(REGISTRY)) {
    for (const [detail, expected] of rows) {
      assert.deepEqual(answerTo(new RegistryError(detail, "no")), expected, detail.code);
    }
  }
});

test("case 71: challenges are passed on as they came", () => {
  const challenges = ['Bearer Realm="https://a/token",SERVICE=b', "basic realm=x"];
  const refused = refusalOf(new RegistryError({ code: "unauthorized", status: 401, challenges, ...said }, "no"), "BLOB_UNKNOWN");
  assert.deepEqual(refused.challenges, challenges);
});

test("every failure of a blob has its status; one that the registry caused has the registry's", () => {
  for (const [code, expected] of Object.entries(BLOB)) {
    assert.deepEqual(answerTo(new BlobFailure({ code: code as BlobFailureDetail["code"], retryAfterMs: 2100 })), expected, code);
  }
  const cause = new RegistryError({ code: "denied", status: 403, ...said }, "no");
  assert.deepEqual(answerTo(new BlobFailure({ code: "refused", retryAfterMs: 0 }, cause)), { status: 403, code: "DENIED", hasBody: true });
});

test("case 57: whatever the disk says is 503: the registry can be asked directly", () => {
  const troubles: StoreTrouble[] = [{ code: "no-space" }, { code: "disk-failed" }, { code: "blob-missing" }, { code: "closed" }];
  for (const trouble of troubles) assert.equal(answerTo(new StoreError(trouble, "no")).status, 503, trouble.code);
});

test("an error nobody expected is not made into an answer", () => {
  assert.throws(() => refusalOf(new Error("a defect"), "BLOB_UNKNOWN"), /a defect/);
});
