import { pieceCount, taskId, type Task, type TaskId } from "@darner/domain";
import type { SchedulerLimits } from "../limits.ts";
import { Swarm } from "./swarm.ts";

/** Every task with a live member. */
export class TaskTable {
  readonly #limits: SchedulerLimits;
  readonly #swarms = new Map<TaskId, Swarm>();

  constructor(limits: SchedulerLimits) {
    this.#limits = limits;
  }

  get(task: Task): Swarm | undefined {
    return this.#swarms.get(taskId(task));
  }

  byId(id: TaskId): Swarm | undefined {
    return this.#swarms.get(id);
  }

  /** The swarm of a task, made where there is none; undefined where the table is full or the blob has too many pieces. */
  open(task: Task): Swarm | undefined {
    const known = this.get(task);
    if (known !== undefined) return known;
    if (this.#swarms.size >= this.#limits.maxTasks || pieceCount(task.size) > this.#limits.maxPiecesPerTask) return undefined;
    const swarm = new Swarm(task);
    this.#swarms.set(swarm.id, swarm);
    return swarm;
  }

  delete(swarm: Swarm): void {
    this.#swarms.delete(swarm.id);
  }

  values(): IterableIterator<Swarm> {
    return this.#swarms.values();
  }

  get size(): number {
    return this.#swarms.size;
  }
}
