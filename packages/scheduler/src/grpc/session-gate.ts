// Daemons behind one address (a NAT, many in one machine) are many, but not as many as a flood.
const MAX_PER_ADDRESS = 4096;
// A whole cluster comes back to a scheduler within a second and says hello within milliseconds; more than this at once say nothing.
const MAX_UNGREETED = 4096;

/** Counts sessions by where they come from: nobody takes all places by opening sessions. */
export class SessionGate {
  // One entry an address with sessions, so at most as many as there are sessions.
  readonly #perAddress = new Map<string, number>();
  readonly #maxPerAddress: number;
  readonly #maxUngreeted: number;
  #ungreeted = 0;

  constructor(maxPerAddress: number = MAX_PER_ADDRESS, maxUngreeted: number = MAX_UNGREETED) {
    this.#maxPerAddress = maxPerAddress;
    this.#maxUngreeted = maxUngreeted;
  }

  /** Why another session from this address is one too many; undefined where it is not. */
  objection(address: string): "crowded" | "full" | undefined {
    if ((this.#perAddress.get(address) ?? 0) >= this.#maxPerAddress) return "crowded";
    return this.#ungreeted >= this.#maxUngreeted ? "full" : undefined;
  }

  enter(address: string): void {
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
    this.#ungreeted += 1;
  }

  greeted(): void {
    this.#ungreeted -= 1;
  }

  leave(address: string, wasGreeted: boolean): void {
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left > 0) this.#perAddress.set(address, left);
    else this.#perAddress.delete(address);
    if (!wasGreeted) this.#ungreeted -= 1;
  }
}
