import { silentLog } from "@darner/runtime";
import { noLeaks, openTempDir } from "@darner/testkit";

import { openDiskStore } from "./disk-store.ts";
import { describeStore } from "./store.conformance.ts";

noLeaks();

describeStore("the store on disk", async (t, { maxBytes = 1e9, minFreeBytes = 0, freeBytes = (): number => 1e12, clock } = {}) => {
  const dir = await openTempDir();
  const statfs = (): Promise<{ bavail: number; bsize: number }> => Promise.resolve({ bavail: freeBytes(), bsize: 1 });
  const blobs = await openDiskStore(
    { dir: dir.path, maxBytes, minFreeBytes },
    { log: silentLog, statfs, ...(clock === undefined ? {} : { clock }) },
  );
  t.after(async () => {
    await blobs[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });
  return blobs;
});
