import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseHostId } from "@darner/domain";
import { DenyList, MAX_DENIALS, MAX_MEMBERS, MemberLists, writeFingerprint, type ListChange } from "@darner/membership";
import { readKeptJson, writeWhole, type Logger } from "@darner/runtime";

/** What a daemon keeps of its membership: it stays a member, and knows the others, when no scheduler answers. */
export class KeptMembership {
  readonly #dir: string;
  readonly #log: Logger;
  // One entry a file: of several contents in a row the last is written.
  readonly #waiting = new Map<string, () => string>();
  #writing: Promise<void> | undefined;

  constructor(dir: string, log: Logger) {
    this.#dir = dir;
    this.#log = log;
  }

  /** The fingerprint of the cluster it is a member of, and its signed admission; undefined where there is none. */
  async readAdmission(): Promise<{ readonly fingerprint: string; readonly admission: Uint8Array } | undefined> {
    const { fingerprint, admission } = asMap(await this.#json("admission.json"));
    if (typeof fingerprint !== "string" || typeof admission !== "string") return undefined;
    return { fingerprint, admission: new Uint8Array(Buffer.from(admission, "base64")) };
  }

  /** Lists and denials as they were, where they are signed by this key. */
  async readMembers(signingKey: Uint8Array): Promise<{ readonly lists: MemberLists; readonly denials: DenyList }> {
    const lists = new MemberLists(signingKey);
    const keptLists = asMap(await this.#json("members.json"))["lists"];
    for (const kept of Array.isArray(keptLists) ? (keptLists as unknown[]) : []) {
      const problem = lists.change(readList(asMap(kept)));
      if (problem !== undefined) this.#log.warn("kept list of members not used", { problem });
    }
    const denials = new DenyList(signingKey);
    const kept = asMap(await this.#json("denials.json"))["denials"];
    for (const text of Array.isArray(kept) ? (kept as unknown[]).slice(0, MAX_DENIALS) : []) {
      if (typeof text === "string") denials.hear(new Uint8Array(Buffer.from(text, "base64")));
    }
    return { lists, denials };
  }

  writeAdmission(signingKey: Uint8Array, admission: Uint8Array): void {
    this.#write("admission.json", () => ({
      fingerprint: writeFingerprint(signingKey),
      admission: Buffer.from(admission).toString("base64"),
    }));
  }

  writeLists(lists: MemberLists): void {
    this.#write("members.json", () => ({
      lists: lists.lists().map(({ head, hosts }) => ({ head: Buffer.from(head).toString("base64"), hosts })),
    }));
  }

  writeDenials(denials: DenyList): void {
    this.#write("denials.json", () => ({ denials: denials.denials().map((bytes) => Buffer.from(bytes).toString("base64")) }));
  }

  /** Resolves when everything is written. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  #write(name: string, content: () => unknown): void {
    this.#waiting.set(name, () => `${JSON.stringify(content())}\n`);
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    try {
      await mkdir(this.#dir, { recursive: true, mode: 0o700 });
      for (let [next] = this.#waiting; next !== undefined; [next] = this.#waiting) {
        const [name, content] = next;
        this.#waiting.delete(name);
        await writeWhole(join(this.#dir, name), content());
      }
    } catch (error) {
      this.#waiting.clear();
      this.#log.error("membership cannot be written; it is asked for again after a restart", { error });
    }
    this.#writing = undefined;
  }

  #json(name: string): Promise<unknown> {
    return readKeptJson(join(this.#dir, name), this.#log);
  }
}

function readList({ head, hosts }: Readonly<Record<string, unknown>>): ListChange {
  const written = Array.isArray(hosts) ? (hosts as unknown[]).slice(0, MAX_MEMBERS) : [];
  const added = written.flatMap((text) => (typeof text === "string" ? (parseHostId(text) ?? []) : []));
  return { head: new Uint8Array(Buffer.from(typeof head === "string" ? head : "", "base64")), full: true, added, removed: [] };
}

function asMap(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
