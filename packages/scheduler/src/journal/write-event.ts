import { taskId, type HostId, type PieceHash, type PieceRun, type PieceSet, type Task, type TaskId } from "@darner/domain";
import type { GrantFailure, SchedulerEvent } from "@darner/scheduler-core";

// Names are numbered so that a line is short; the numbers begin anew when there are so many (some 20 MiB), and readers follow.
const MAX_NAMES = 65_536;

/**
 * Writes events as lines: `[time, check, type, host, task, details]`. A host or task is a number that an earlier line
 * (`{"host":1,"id":…}`, `{"task":1,"digest":…,"size":…}`) gave its name. Field by field: what an event does not have by its type is never written.
 */
export class EventWriter {
  readonly #hosts = new Map<HostId, number>();
  readonly #tasks = new Map<TaskId, number>();
  #names = "";

  /** The event without its brackets, time and check, and the lines that must stand before it. */
  write(event: SchedulerEvent): { readonly names: string; readonly text: string } {
    this.#names = "";
    const text = this.#fields(event)
      .map((field) => JSON.stringify(field))
      .join(",");
    return { names: this.#names, text };
  }

  #fields(event: SchedulerEvent): unknown[] {
    switch (event.type) {
      case "time-passed":
        return [event.type];
      case "hosts-moving":
        return [event.type, 0, 0, { forMs: event.forMs }];
      case "host-joined":
        return [event.type, this.#host(event.host), 0, { address: event.address, zone: event.zone, seed: event.seed }];
      case "host-lost":
        return [event.type, this.#host(event.host)];
      case "blob-announced": {
        const { proven, registry } = event;
        return [...this.#both(event), { proven, registry, have: wireSet(event.have) }];
      }
      case "peer-opened": {
        const { registry, access, sequential, priority } = event;
        const reading = event.reading === undefined ? {} : { reading: event.reading.map(wireRun) };
        return [...this.#both(event), { registry, access, sequential, priority, have: wireSet(event.have), ...reading }];
      }
      case "pieces-needed":
        return [...this.#both(event), { run: wireRun(event.run) }];
      case "pieces-verified":
        return [...this.#both(event), { pieces: event.pieces.map(wireRun), ...wireHashes(event.hashes) }];
      case "table-told":
        return [...this.#both(event), wireHashes(event.hashes)];
      case "grant-failed":
        return [...this.#both(event), { grant: event.grant, ...wireFailure(event.failure) }];
      case "blob-dropped":
      case "peer-closed":
      case "blob-proven":
      case "proof-failed":
        return this.#both(event);
    }
  }

  #both({ type, host, task }: Extract<SchedulerEvent, { readonly task: Task }>): unknown[] {
    return [type, this.#host(host), this.#task(task)];
  }

  #host(id: HostId): number {
    return this.#number(this.#hosts, id, (host) => ({ host, id }));
  }

  #task(task: Task): number {
    return this.#number(this.#tasks, taskId(task), (number) => ({ task: number, digest: task.digest, size: task.size }));
  }

  #number<Name>(names: Map<Name, number>, name: Name, line: (number: number) => object): number {
    const known = names.get(name);
    if (known !== undefined) return known;
    if (names.size >= MAX_NAMES) names.clear();
    const number = names.size + 1;
    names.set(name, number);
    this.#names += `${JSON.stringify(line(number))}\n`;
    return number;
  }
}

function wireSet(set: PieceSet): string {
  return set.isFull ? "full" : Buffer.from(set.toBytes()).toString("base64");
}

function wireRun({ first, stride, count }: PieceRun): number[] {
  return [first, stride, count];
}

function wireHashes(hashes: readonly PieceHash[]): object {
  if (hashes.length === 0) return {};
  return { of: hashes.map(({ piece }) => piece), hashes: Buffer.concat(hashes.map(({ hash }) => hash)).toString("base64") };
}

function wireFailure(failure: GrantFailure): object {
  switch (failure.code) {
    case "piece-refused":
      return { code: failure.code, piece: failure.piece };
    case "source-unavailable":
    case "source-limited":
      return { code: failure.code, retryAfterMs: failure.retryAfterMs };
    case "parent-lost":
    case "parent-silent":
    case "parent-refused":
    case "source-refused":
    case "source-without-range":
    case "disk-refused":
      return { code: failure.code };
  }
}
