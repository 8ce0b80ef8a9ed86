import { mkdir, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

// The holder touches its lock every second; ten missed beats mean that it is gone (killed, or its machine was).
const BEAT_MS = 1_000;
const STALE_MS = 10_000;
// Long enough for another process's `npm ci` on a slow line, short enough that a wedged one is noticed.
const GIVE_UP_MS = 15 * 60_000;
const LOOK_AGAIN_MS = 200;

/**
 * Runs `work` while no other process of this checkout does; waits for the one that is at it.
 * The lock is a directory: making it is atomic on every file system, and it outlives nobody for more than ten seconds.
 * @template T
 * @param {string} path
 * @param {{ onWait: () => void }} options
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, { onWait }, work) {
  await mkdir(dirname(path), { recursive: true });
  await take(path, onWait);
  const beat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await rm(path, { recursive: true, force: true });
  }
}

async function take(path, onWait) {
  const giveUpAt = Date.now() + GIVE_UP_MS;
  for (let waited = false; ; waited = true) {
    try {
      await mkdir(path);
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (!waited) onWait();
    if (await isStale(path)) await clear(path);
    else if (Date.now() > giveUpAt)
      throw new Error(`another process has been setting up for ${GIVE_UP_MS / 60_000} minutes; remove ${path} if none is`);
    else await sleep(LOOK_AGAIN_MS);
  }
}

async function isStale(path) {
  try {
    return Date.now() - (await stat(path)).mtimeMs > STALE_MS;
  } catch {
    return false; // gone meanwhile: the next attempt takes it
  }
}

// Of several that find the same stale lock one wins the rename; the others look again.
async function clear(path) {
  const aside = `${path}.${process.pid}`;
  try {
    await rename(path, aside);
    await rm(aside, { recursive: true, force: true });
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
}
