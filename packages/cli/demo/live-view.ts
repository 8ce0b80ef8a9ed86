import { bytesText } from "../src/text.ts";
import type { DemoCluster, NodeBytes } from "./demo-cluster.ts";
import type { Look, Screen } from "./screen.ts";

const BAR_CELLS = 32;
// Each origin has a colour, and where there are none a shape.
const ORIGINS = [
  { key: "source", shape: "█", word: "source", legend: "from the source" },
  { key: "parent", shape: "▓", word: "nodes", legend: "from other nodes" },
  { key: "disk", shape: "▒", word: "disk", legend: "from its own disk" },
] as const;
const LOOKS: Readonly<Record<(typeof ORIGINS)[number]["key"], Look>> = { source: "source", parent: "nodes", disk: "disk" };
// Without a live terminal a node has a line whenever it got so much further.
const PLAIN_STEP = 0.25;

/** What a round looks like while it runs: a bar a node, coloured by where the bytes came from. */
export class LiveView {
  readonly #screen: Screen;
  readonly #cluster: DemoCluster;
  readonly #names: readonly string[];
  readonly #told = new Map<string, number>();

  constructor(screen: Screen, cluster: DemoCluster, names: readonly string[]) {
    this.#screen = screen;
    this.#cluster = cluster;
    this.#names = names;
    if (screen.live) screen.print(this.#legend(), "");
  }

  /** Shows how far each node is; `sent` are the bytes the registry sent in this round. */
  show(bytes: ReadonlyMap<string, NodeBytes>, sent: number): void {
    const rows = this.#names.flatMap((name) => {
      const got = bytes.get(name);
      return got === undefined ? [] : [{ name, got, part: Math.min(1, totalOf(got) / this.#cluster.imageBytes) }];
    });
    if (this.#screen.live) {
      const ratio = (sent / this.#cluster.imageBytes).toFixed(2);
      const registry = `  ${this.#screen.paint("dim", `the registry has sent ${bytesText(sent)}, ${ratio} × the image`)}`;
      this.#screen.redraw([
        ...rows.map(
          ({ name, got, part }) => `  ${this.#screen.paint("bold", name)}  ${this.#bar(got)} ${percent(part)}  ${partsText(got)}`,
        ),
        "",
        registry,
      ]);
      return;
    }
    for (const { name, got, part } of rows) {
      const step = Math.floor(part / PLAIN_STEP);
      if (step <= (this.#told.get(name) ?? 0)) continue;
      this.#told.set(name, step);
      this.#screen.print(`  ${name} ${percent(part)}  ${partsText(got)}`);
    }
  }

  #legend(): string {
    const entries = ORIGINS.map(
      ({ key, shape, legend }) => `${this.#screen.paint(LOOKS[key], this.#screen.coloured ? "█" : shape)} ${legend}`,
    );
    return `      ${entries.join("   ")}`;
  }

  #bar(got: NodeBytes): string {
    let cells = "";
    let sum = 0;
    let drawn = 0;
    for (const { key, shape } of ORIGINS) {
      sum += got[key];
      const end = Math.floor(Math.min(1, sum / this.#cluster.imageBytes) * BAR_CELLS);
      if (end > drawn) cells += this.#screen.paint(LOOKS[key], (this.#screen.coloured ? "█" : shape).repeat(end - drawn));
      drawn = end;
    }
    return cells + this.#screen.paint("dim", "░".repeat(BAR_CELLS - drawn));
  }
}

/** Bytes a client got of a node, wherever they came from. */
export function totalOf({ source, parent, disk }: NodeBytes): number {
  return source + parent + disk;
}

function percent(part: number): string {
  return `${String(Math.floor(part * 100)).padStart(3)} %`;
}

function partsText(got: NodeBytes): string {
  const parts = ORIGINS.filter(({ key }) => got[key] >= 1024 * 1024).map(
    ({ key, word }) => `${(got[key] / 1024 / 1024).toFixed(1).padStart(4)} MiB ${word}`,
  );
  return parts.join(", ");
}
