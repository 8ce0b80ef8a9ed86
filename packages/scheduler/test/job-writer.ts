import { newJob } from "@darner/preheat";
import { silentLog } from "@darner/runtime";
import { JobStore } from "../src/job-store/job-store.ts";

// Keeps one job after the other in the store of a directory, its first argument, and tells its parent the id of each that was kept, until it is killed.
// As large as the record of a job with some hosts.
const URLS = Array.from(
  { length: 50 },
  (_, at) => `https://harbor.example.com/v2/library/nginx/blobs/sha256:${String(at).padStart(64, "0")}`,
);

const store = await JobStore.open({ dataDir: process.argv[2] ?? "", ordinal: 3, keepMs: 86_400_000 }, silentLog);
const request = { images: [], scope: { kind: "all-hosts" }, priority: 0, deadlineMs: 1, pinMs: 0, requireAll: false, via: "api" } as const;
for (;;) {
  const id = await store.nextId();
  const job = newJob(id, request, id);
  await store.keep(job);
  // Kept a second time, as a job that ran and is over.
  await store.keep({ ...job, state: "succeeded", finishedAt: id, contentUrls: URLS });
  process.send?.(id);
}
