/** The ways a word or a bar can look. */
export type Look = "bold" | "dim" | "source" | "nodes" | "disk" | "good" | "bad";

const CODES: Readonly<Record<Look, string>> = { bold: "1", dim: "2", source: "33", nodes: "36", disk: "34", good: "32", bad: "31" };

/** Where the demo is shown: a terminal that can redraw and colour, or anything else. */
export class Screen implements Disposable {
  /** Whether lines can be redrawn in place. */
  readonly live: boolean;
  readonly #colours: boolean;
  readonly #stream: NodeJS.WriteStream;
  #drawn = 0;

  constructor(stream: NodeJS.WriteStream, env: Readonly<Record<string, string | undefined>>) {
    this.#stream = stream;
    this.live = stream.isTTY && env["TERM"] !== "dumb";
    // no-color.org: any value but the empty one.
    this.#colours = this.live && (env["NO_COLOR"] ?? "") === "";
    // A reader that went away is no reason to leave processes behind.
    stream.on("error", () => undefined);
  }

  /** Text in a colour, where there are colours. */
  paint(look: Look, text: string): string {
    return this.#colours ? `\u001b[${CODES[look]}m${text}\u001b[0m` : text;
  }

  /** Whether colours tell things apart, or shapes have to. */
  get coloured(): boolean {
    return this.#colours;
  }

  /** Prints lines that stay. */
  print(...lines: readonly string[]): void {
    this.#drawn = 0;
    this.#stream.write(lines.map((line) => `${line}\n`).join(""));
  }

  /** Draws lines over those drawn last. */
  redraw(lines: readonly string[]): void {
    const up = this.#drawn === 0 ? "\u001b[?25l" : `\u001b[${String(this.#drawn)}A`;
    this.#stream.write(`${up}${lines.map((line) => `\r${line}\u001b[K\n`).join("")}`);
    this.#drawn = lines.length;
  }

  /** Gives the cursor back. */
  [Symbol.dispose](): void {
    if (this.live) this.#stream.write("\u001b[?25h");
  }
}
