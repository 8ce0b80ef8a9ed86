import type { Terminal } from "./command.ts";
import { bytesText } from "./text.ts";

const BAR_CELLS = 30;
// Redrawn ten times a second: smooth to the eye, nothing to the terminal.
const REDRAW_MS = 100;

/** A progress bar on stderr; silent where stderr is no terminal. */
export class Progress {
  readonly #terminal: Terminal;
  readonly #label: string;
  #total = 0;
  #done = 0;
  #drawnAt = 0;

  constructor(terminal: Terminal, label: string) {
    this.#terminal = terminal;
    this.#label = label;
  }

  /** So many more bytes are to come. */
  expect(bytes: number): void {
    this.#total += bytes;
  }

  /** So many more bytes have come. */
  add(bytes: number): void {
    this.#done += bytes;
    const now = performance.now();
    if (!this.#terminal.live || now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    this.#draw();
  }

  /** Ends the line. */
  finish(): void {
    if (!this.#terminal.live) return;
    this.#draw();
    this.#terminal.err("\n");
  }

  #draw(): void {
    const part = this.#total === 0 ? 0 : Math.min(1, this.#done / this.#total);
    const filled = Math.round(part * BAR_CELLS);
    const bar = "█".repeat(filled) + "░".repeat(BAR_CELLS - filled);
    this.#terminal.err(`\r${this.#label} ${bar} ${String(Math.floor(part * 100)).padStart(3)} % ${bytesText(this.#done)} of ${bytesText(this.#total)}\u001b[K`);
  }
}
