import { CONFIG_KEYS } from "./config-keys.ts";
import type { ConfigKey } from "./config-keys.ts";

const HEAD = `# Configuration

Generated from the schema in \`packages/runtime/src/config\` by \`scripts/generate-docs.ts\`: change it there.

One YAML file serves both processes (\`--config FILE\`); each reads its keys and ignores the other's. An environment variable
overrides the file, a flag overrides the variable; lists and maps are written as JSON there. A key that is absent, or has no value,
has its default; zero means zero. Unknown keys and wrong values are reported all at once, each with its path, and the process
does not start (exit code 2); unknown \`DARNER_…\` variables are warned of.

Sizes are written as a number of bytes or with a unit: \`kB MB GB TB\` are powers of 1000, \`KiB MiB GiB TiB\` of 1024.
A pattern of \`mirror.allow\` matches \`registry/repository\` as a whole.

\`darner up\` has defaults of its own: every door on 127.0.0.1, \`schedulers\` its own scheduler, \`advertise: 127.0.0.1\`,
\`join.insecure: true\`, \`store.minFreeBytes: 1GiB\` and \`dataDir: ~/.local/share/darner\`.
`;

/** The reference page `docs/config.md`. */
export function configReference(): string {
  return `${HEAD}\n${CONFIG_KEYS.map(entry).join("\n")}`;
}

/** The keys for `--help`: two lines each. */
export function configHelp(): string {
  return CONFIG_KEYS.filter((key) => key.override !== undefined)
    .map(helpLine)
    .join("\n");
}

function entry(key: ConfigKey): string {
  const rows = [
    `- takes: ${key.takes}`,
    `- default: ${key.default === undefined ? "none" : code(key.default)}`,
    ...(key.override === undefined ? [] : [`- variable: ${code(key.override.env)}, flag: ${code(`${key.override.flag} VALUE`)}`]),
  ];
  return `## \`${key.path}\`\n\n${key.is}\n\n${rows.join("\n")}\n`;
}

function helpLine(key: ConfigKey): string {
  const fallback = key.default === undefined ? "" : ` [default: ${key.default}]`;
  return `  --${key.path} VALUE\n      ${key.is}${fallback}`;
}

function code(text: string): string {
  return `\`${text}\``;
}
