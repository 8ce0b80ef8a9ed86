import { silentLog } from "@darner/runtime";

import { openMemoryStore } from "./memory-store.ts";
import { describeStore } from "./store.conformance.ts";

describeStore("the store in memory", (t, { maxBytes = 1e9, minFreeBytes = 0, freeBytes, clock } = {}) => {
  const blobs = openMemoryStore(
    { maxBytes, minFreeBytes },
    { log: silentLog, ...(freeBytes === undefined ? {} : { freeBytes }), ...(clock === undefined ? {} : { clock }) },
  );
  t.after(() => blobs[Symbol.asyncDispose]());
  return Promise.resolve(blobs);
});
