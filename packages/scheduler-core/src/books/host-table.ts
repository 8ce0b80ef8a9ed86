import type { HostId, TaskId } from "@darner/domain";
import type { SchedulerLimits } from "../limits.ts";
import { newMeter, type Meter } from "./measured-rate.ts";

/** What the scheduler knows of one host, over all its tasks. */
export type Host = {
  readonly id: HostId;
  readonly address: string;
  readonly zone: string;
  readonly seed: boolean;
  /** Bytes other hosts are promised from this one and have not reported. */
  backlogBytes: number;
  /** How fast its source reads are. */
  readonly fromSource: Meter;
  /** How many blobs it reads from their sources now. */
  blobsRead: number;
  /** How fast pieces arrive from other hosts. */
  readonly fromPeers: Meter;
  /** When a child last verified a piece from this host. */
  deliveredAt: number;
  /** The latest strikes, one a child, at most `maxStrikes`. */
  strikes: { readonly by: HostId; readonly at: number }[];
  /** Not chosen as a parent before this instant. */
  benchedUntil: number;
  /** Its link was slow against those of others: it is a leaf in the trees, and asked after them. */
  isSlow: boolean;
  /** When that is forgotten. */
  slowUntil: number;
  /** Tasks it is a member of. */
  readonly tasks: Set<TaskId>;
};

/** Every host with a live session. */
export class HostTable {
  readonly #limits: SchedulerLimits;
  readonly #hosts = new Map<HostId, Host>();

  constructor(limits: SchedulerLimits) {
    this.#limits = limits;
  }

  /** Adds a host; false where the table is full. */
  join(id: HostId, address: string, zone: string, seed: boolean): boolean {
    if (this.#hosts.size >= this.#limits.maxHosts) return false;
    this.#hosts.set(id, {
      id,
      address,
      zone,
      seed,
      backlogBytes: 0,
      fromSource: newMeter(),
      blobsRead: 0,
      fromPeers: newMeter(),
      deliveredAt: 0,
      strikes: [],
      benchedUntil: 0,
      isSlow: false,
      slowUntil: 0,
      tasks: new Set(),
    });
    return true;
  }

  get(id: HostId): Host | undefined {
    return this.#hosts.get(id);
  }

  delete(id: HostId): void {
    this.#hosts.delete(id);
  }

  /** Hosts in the order in which they joined. */
  values(): IterableIterator<Host> {
    return this.#hosts.values();
  }

  get size(): number {
    return this.#hosts.size;
  }
}
