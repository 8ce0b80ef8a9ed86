import { writeNodeEvent, type ApiServerConfig, type NodeEvent } from "@darner/kubernetes";
import type { LeaseReport } from "@darner/node-setup";
import type { Logger } from "@darner/runtime";

/** What events are told with. */
export type NodeEventsParts = {
  readonly api: ApiServerConfig;
  readonly node: string;
  readonly log: Logger;
  /** The time of day. */
  readonly today: () => Date;
};

/** Tells the cluster once of each trouble that node set-up has with its node, and once that it is over. */
export class NodeEvents {
  readonly #parts: NodeEventsParts;
  #told = "";
  // One after the other, so that the end of a trouble never comes before it.
  #last: Promise<void> = Promise.resolve();
  #isRefused = false;

  constructor(parts: NodeEventsParts) {
    this.#parts = parts;
  }

  /** Takes a report; what it says again is not told again. */
  take({ problem }: LeaseReport): void {
    if (problem === this.#told) return;
    this.#told = problem;
    const over = "The node's runtime asks the mirror for every registry that it should";
    const [type, reason] = problem === "" ? (["Normal", "DarnerNodeSetUp"] as const) : (["Warning", "DarnerNodeSetupProblem"] as const);
    const message = problem === "" ? over : `node ${this.#parts.node}: ${problem}`;
    this.#last = this.#last.then(() => this.#write({ type, reason, message }));
  }

  /** Resolves when everything was told. */
  settled(): Promise<void> {
    return this.#last;
  }

  async #write(event: Pick<NodeEvent, "type" | "reason" | "message">): Promise<void> {
    const { api, node, log, today } = this.#parts;
    try {
      await writeNodeEvent(api, { node, at: today(), ...event });
    } catch (error) {
      // The log and the metrics say the same: one line is enough for a role that does not allow it.
      if (!this.#isRefused) log.warn("node event cannot be written", { node, error });
      this.#isRefused = true;
    }
  }
}
