import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isMap, isScalar, isSeq, parseDocument, type Node, type Pair } from "yaml";

/** A key of the chart's values: what it is by default, and what the comment above it says. */
export type ValueKey = {
  /** `daemon.ports.mirror` */
  readonly path: string;
  readonly comment: string;
  readonly value: unknown;
  /** Keys below it that are the chart's own; none for scalars, lists, and maps that hold whatever people put there. */
  readonly below: readonly ValueKey[];
};

/** Maps whose keys are not the chart's: their default is an example of what may stand there. */
const FREE = new Set([
  "daemon.nodeSelector",
  "daemon.updateStrategy",
  "daemon.resources",
  "nodeSetup.resources",
  "scheduler.nodeSelector",
  "scheduler.resources",
  "seed.nodeSelector",
  "seed.resources",
  "metrics.dashboards.labels",
]);

/** Reads helm/darner/values.yaml with its comments. */
export function readValues(root: string): readonly ValueKey[] {
  const document = parseDocument(readFileSync(join(root, "helm/darner/values.yaml"), "utf8"));
  return isMap(document.contents) ? keysOf(document.contents.items as Pair<Node, Node>[], "", document.contents.commentBefore) : [];
}

function keysOf(pairs: readonly Pair<Node, Node>[], above: string, first: string | null | undefined): ValueKey[] {
  return pairs.map((pair, at) => {
    const name = isScalar(pair.key) ? String(pair.key.value) : "";
    const path = above === "" ? name : `${above}.${name}`;
    const own = pair.key.commentBefore ?? (at === 0 ? first : undefined) ?? "";
    // What stands after the last empty line belongs to the key, what stands before it to nobody.
    const comment = (own.split("\n\n").at(-1) ?? "")
      .split("\n")
      .map((line) => line.trim())
      .join(" ")
      .trim();
    const { value } = pair;
    const isOwn = isMap(value) && value.items.length > 0 && !FREE.has(path);
    return {
      path,
      comment,
      value: isMap(value) || isSeq(value) || isScalar(value) ? (value.toJSON() as unknown) : value,
      below: isOwn ? keysOf(value.items as Pair<Node, Node>[], path, value.commentBefore) : [],
    };
  });
}
