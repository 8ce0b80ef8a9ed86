import { randomInt } from "node:crypto";
import { join } from "node:path";
import { parseHostId } from "@darner/domain";
import { MAX_MEMBERS, MEMBERS_FILE } from "@darner/membership";
import { readKeptJson, writeWhole, type Logger } from "@darner/runtime";
import type { KnownHost } from "./host-book.ts";

/** What a scheduler knows of its members when it starts. */
export type KeptMembers = {
  readonly epoch: number;
  readonly version: number;
  readonly hosts: readonly KnownHost[];
  readonly denials: readonly Uint8Array[];
};

type Members = Pick<KeptMembers, "epoch" | "version" | "hosts">;

const DENIALS_FILE = "denials.json";
// JSON and the wire keep whole numbers up to here exactly; no two schedulers draw the same one.
const MAX_EPOCH = 2 ** 47;

/** A number for a new list of members. */
export function drawEpoch(): number {
  return randomInt(1, MAX_EPOCH);
}

/** The files in which a scheduler keeps members and denials. */
export class MembersOnDisk implements AsyncDisposable {
  readonly #dir: string;
  readonly #log: Logger;
  #writing: Promise<void> | undefined;
  #next: Members | undefined;

  constructor(dir: string, log: Logger) {
    this.#dir = dir;
    this.#log = log;
  }

  /** A list that cannot be read is begun anew: the hosts bring their admissions, and the denials. */
  async read(): Promise<KeptMembers> {
    const members = await readKeptJson(join(this.#dir, MEMBERS_FILE), this.#log);
    const denials = await readKeptJson(join(this.#dir, DENIALS_FILE), this.#log);
    return { ...readMembers(members), denials: readDenials(denials) };
  }

  /** Writes the members down soon; of several lists in a row the last. */
  writeMembers(members: Members): void {
    this.#next = members;
    this.#writing ??= this.#writeNext();
  }

  async writeDenials(denials: readonly Uint8Array[]): Promise<void> {
    await writeWhole(join(this.#dir, DENIALS_FILE), `${JSON.stringify(denials.map((bytes) => Buffer.from(bytes).toString("base64")))}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
  }

  async #writeNext(): Promise<void> {
    for (let members = this.#next; members !== undefined; members = this.#next) {
      this.#next = undefined;
      await writeWhole(join(this.#dir, MEMBERS_FILE), `${JSON.stringify(members)}\n`).catch((error: unknown) => {
        this.#log.error("list of members cannot be written", { error });
      });
    }
    this.#writing = undefined;
  }
}

function readMembers(value: unknown): Members {
  const { epoch, version, hosts } = (value ?? {}) as Partial<Record<keyof Members, unknown>>;
  const isList = Number.isSafeInteger(epoch) && Number.isSafeInteger(version) && Array.isArray(hosts);
  if (!isList) return { epoch: drawEpoch(), version: 0, hosts: [] };
  return { epoch: epoch as number, version: version as number, hosts: (hosts as unknown[]).slice(0, MAX_MEMBERS).flatMap(readHost) };
}

function readHost(value: unknown): KnownHost[] {
  const wire = (value ?? {}) as Partial<Record<keyof KnownHost, unknown>>;
  const host = typeof wire.host === "string" ? parseHostId(wire.host) : undefined;
  if (host === undefined) return [];
  const text = (field: unknown): string => (typeof field === "string" ? field : "");
  const time = (field: unknown): number => (typeof field === "number" ? field : 0);
  return [
    {
      host,
      name: text(wire.name),
      address: text(wire.address),
      zone: text(wire.zone),
      version: text(wire.version),
      via: text(wire.via),
      admittedAt: time(wire.admittedAt),
      lastSeenAt: time(wire.lastSeenAt),
    },
  ];
}

function readDenials(value: unknown): Uint8Array[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((text) => (typeof text === "string" ? [new Uint8Array(Buffer.from(text, "base64"))] : []));
}
