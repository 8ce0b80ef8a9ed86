import type { Terminal } from "../command.ts";
import { bytesText } from "../text.ts";

const BAR_CELLS = 24;
// Redrawn ten times a second: smooth to the eye, nothing to the terminal.
const REDRAW_MS = 100;
// With less of a name than this nobody knows what is meant.
const MIN_LABEL = 8;

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
    this.#terminal.err(`\r${this.#line()}\u001b[K`);
  }

  /** Ends the line, as far as it came. */
  finish(): void {
    if (this.#terminal.live) this.#terminal.err(`\r${this.#line()}\u001b[K\n`);
  }

  /** At most as wide as the terminal: a line that wraps cannot be redrawn. */
  #line(): string {
    const part = this.#total === 0 ? 0 : Math.min(1, this.#done / this.#total);
    const filled = Math.floor(part * BAR_CELLS);
    const bar = "█".repeat(filled) + "░".repeat(BAR_CELLS - filled);
    const figures = `${bar} ${String(Math.floor(part * 100)).padStart(3)} %  ${bytesText(this.#done)} of ${bytesText(this.#total)}`;
    const room = Math.max(MIN_LABEL, this.#terminal.columns - 2 - figures.length);
    const label = this.#label.length <= room ? this.#label : `…${this.#label.slice(1 - room)}`;
    return `${label} ${figures}`;
  }
}
