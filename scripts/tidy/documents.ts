import { existsSync, globSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { runNode } from "../check/tool.ts";
import { read, writtenFiles } from "./workspace.ts";

// `packages/daemon/src/store/store.ts` in backticks, wherever it stands; a name with a wildcard or a placeholder is no path.
const NAMED_PATH = /`((?:packages|scripts|proto|deploy|helm|docs|\.ci)\/[\w./-]+)`/g;
const LINK = /\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)/g;

/** Paths that a document names and that are not there: documents that describe code that is gone. */
export function lostPaths(root: string): string[] {
  return writtenFiles(root)
    .filter((path) => path.endsWith(".md"))
    .flatMap((document) => {
      const text = read(root, document);
      const named = [...text.matchAll(NAMED_PATH)].map((match) => match[1] ?? "");
      const linked = [...text.matchAll(LINK)].map((match) => normalize(join(dirname(document), match[1] ?? "")));
      return [...new Set([...named, ...linked])]
        .filter((path) => !existsSync(join(root, path)))
        .map((path) => `${document}: there is no ${path}`);
    });
}

/**
 * Generated documents that no longer are what their generator would write.
 * A generator is a script named `generate-….ts` in scripts/ or in a package; with `--check` it writes nothing and exits 1 where something differs.
 */
export async function staleDocuments(root: string): Promise<string[]> {
  const generators = globSync(["scripts/generate-*.ts", "packages/*/{src,scripts}/**/generate-*.ts"], { cwd: root })
    .filter((path) => !path.endsWith(".test.ts"))
    .sort();
  const problems: string[] = [];
  for (const generator of generators) {
    const { code, output } = await runNode(root, ["--conditions=source", join(root, generator), "--check"]);
    if (code !== 0) problems.push(`${generator}: run it without --check and commit what it writes\n${output.trim()}`);
  }
  return problems;
}
