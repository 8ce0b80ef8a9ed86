import assert from "node:assert/strict";
import { isRegistryHost, isRepositoryName, isTag, parseDigest } from "@darner/domain";
import type { ImageReference } from "@darner/preheat";
import { utf8 } from "@darner/testkit";
import type { FuzzDice, FuzzTarget } from "@darner/testkit";
import { readDragonflyJob, type AskedJob } from "../src/http/harbor/dragonfly-request.ts";
import { readLegacyPreheat } from "../src/http/harbor/legacy.ts";
import { readNotification } from "../src/http/harbor/notification.ts";
import type { Read } from "../src/http/harbor/problem.ts";
import { newJobSchema, requestOf } from "../src/http/native/job-schemas.ts";

const URL = "https://harbor.example.com/v2/library/nginx/manifests/1.27";
const TOKEN = "Bearer the-pull-token";
const DIGEST = `sha256:${"a".repeat(64)}`;
const DRAGONFLY = {
  type: "preheat",
  args: { type: "image", url: URL, headers: { Authorization: TOKEN }, scope: "all_peers", concurrent_count: 0, timeout: 0, percentage: 50 },
  scheduler_cluster_ids: [1],
};
const LEGACY = { type: "image", url: URL, digest: DIGEST, headers: { Authorization: TOKEN } };
const EVENT = {
  action: "push",
  target: { mediaType: "application/vnd.oci.image.index.v1+json", url: URL, tag: "1.27", digest: DIGEST, repository: "library/nginx" },
  request: { host: "harbor.example.com" },
};
const NATIVE = {
  images: ["nginx:1.27", `harbor.corp/team/app@${DIGEST}`],
  scope: { kind: "hosts", percent: 50, zones: ["eu-1"], labels: { a: "b" } },
  platforms: ["linux/arm64"],
  credential: { token: "the-pull-token" },
};
const BODIES = [DRAGONFLY, LEGACY, { events: [EVENT] }, NATIVE].map((body) => JSON.stringify(body));

/** What of a body would be asked of a registry, or why nothing is. */
function checkImages(images: readonly ImageReference[]): void {
  for (const { repository, tag, digest } of images) {
    assert.ok(isRegistryHost(repository.registry) && isRepositoryName(repository.name));
    assert.ok(tag === undefined || isTag(tag));
    assert.ok(digest === undefined || parseDigest(digest).ok);
  }
}

/** Whether a body has the token where credentials stand, and nowhere else: a mutation may make a tag of it, which is shown. */
function hasOneCredential(body: unknown): boolean {
  const text = JSON.stringify(body);
  return text.split("the-pull-token").length === 2 && text.includes(`"Authorization":"${TOKEN}"`);
}

function endOf<T>(body: unknown, read: Read<T>, imagesOf: (value: T) => readonly ImageReference[]): string {
  if (!read.ok) {
    assert.ok(read.message !== "" && read.message.length < 2000 && !read.message.includes(TOKEN));
    return `${String(read.status)} ${read.message.slice(0, 16)}`;
  }
  checkImages(imagesOf(read.value));
  assert.ok(!hasOneCredential(body) || !JSON.stringify(read).includes("the-pull-token"), "a credential is a secret");
  return "taken";
}

const ofJob = ({ request: { images } }: AskedJob): readonly ImageReference[] => images;

/**
 * Bodies of the four faces of the preheat API, each read by every one of them.
 * @public the runner finds it by the name of its file
 */
export const preheatBodies: FuzzTarget = {
  name: "preheat-bodies",
  seeds: [...BODIES, "{}", "[]", "null", '{"events":[{"action":"push","target":{"url":""}}]}'],
  words: [
    '"url":',
    '"type":',
    '"scope":',
    '"headers":',
    '"events":',
    '"__proto__":',
    "null",
    "[]",
    "{}",
    "1e999",
    "-1",
    "http://127.0.0.1/v2/a/manifests/b",
    "https://u:p@h/v2/a/manifests/b",
    "/manifests/",
    "..",
    "%2f",
    DIGEST,
    "\\u0000",
  ],
  make: (dice: FuzzDice) => dice.pick(BODIES),
  check: (input) => {
    let body: unknown;
    try {
      body = JSON.parse(utf8(input));
    } catch {
      return "no JSON";
    }
    const ends = [
      endOf(body, readDragonflyJob(body), ofJob),
      endOf(body, readLegacyPreheat(body), ofJob),
      endOf(body, readNotification(body), (images) => images),
    ];
    const native = newJobSchema.safeParse(body);
    if (native.success) checkImages(requestOf(native.data).request.images);
    return [...ends.map((end) => end.slice(0, 14)), native.success ? "taken" : "refused"].join("; ");
  },
};
