import { randomUUID } from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isAlive, ownIdentity } from "./process-identity.ts";
import type { ProcessIdentity } from "./process-identity.ts";

/** Who holds a lock, as the file tells it; `token` is new for every lock taken. */
export type LockHolder = ProcessIdentity & { readonly purpose: string; readonly token: string };

/** A lock that was taken, or the live process that has it. */
export type LockAttempt = { readonly kind: "taken"; readonly token: string } | { readonly kind: "held"; readonly holder: LockHolder };

// Each round but the first means that another starting process was faster; so many at once there are not.
const MAX_ROUNDS = 20;

/**
 * Takes the lock `file`. Node has no flock(2), so the lock is a file that names its holder, linked into place whole, and a dead holder's is removed.
 * Two that find the same dead holder must not remove each other's new lock: only who holds the lock on the dead lock's
 * token may remove it, and looks again before doing so.
 */
export function takeLock(file: string, purpose: string): LockAttempt {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const token = linkNew(file, purpose);
    if (token !== undefined) return { kind: "taken", token };
    const holder = readHolder(file);
    if (holder === "gone") continue;
    if (holder !== "unreadable" && isAlive(holder)) return { kind: "held", holder };
    const blocked = removeDead(file, holder, purpose);
    if (blocked !== undefined) return { kind: "held", holder: blocked };
  }
  throw new Error(`the lock ${file} changes hands all the time`);
}

/** Gives the lock up, if it is still the one taken under `token`. */
export function releaseLock(file: string, token: string): void {
  const holder = readHolder(file);
  if (typeof holder === "object" && holder.token === token) rmSync(file, { force: true });
}

function linkNew(file: string, purpose: string): string | undefined {
  const token = randomUUID().slice(0, 8);
  const draft = `${file}.new-${token}`;
  const holder: LockHolder = { ...ownIdentity(), purpose, token };
  try {
    writeFileSync(draft, `${JSON.stringify(holder)}\n`, { flag: "wx", mode: 0o600 });
    linkSync(draft, file);
    return token;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Removes a dead holder's lock; the live process that is just doing so, if there is one. */
function removeDead(file: string, dead: LockHolder | "unreadable", purpose: string): LockHolder | undefined {
  const claim = `${file}.${tokenOf(dead)}`;
  const attempt = takeLock(claim, purpose);
  if (attempt.kind === "held") return attempt.holder;
  const now = readHolder(file);
  if (now !== "gone" && tokenOf(now) === tokenOf(dead)) rmSync(file, { force: true });
  releaseLock(claim, attempt.token);
  return undefined;
}

function tokenOf(holder: LockHolder | "unreadable"): string {
  return holder === "unreadable" ? "unreadable" : holder.token;
}

function readHolder(file: string): LockHolder | "unreadable" | "gone" {
  try {
    const read = JSON.parse(readFileSync(file, "utf8")) as Partial<LockHolder> | null;
    const { pid, bootId, startTime, purpose, token } = read ?? {};
    if (typeof pid !== "number" || typeof bootId !== "string" || typeof startTime !== "string") return "unreadable";
    if (typeof purpose !== "string" || typeof token !== "string" || !/^[0-9a-f]{8}$/.test(token)) return "unreadable";
    return { pid, bootId, startTime, purpose, token };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "gone";
    // A disk that was full or a machine that lost power can leave an empty file.
    if (error instanceof SyntaxError) return "unreadable";
    throw error;
  }
}
