import { parse, TomlError, type TomlTable } from "smol-toml";
import { firstTable } from "./toml-scan.ts";

/** The mirror as containerd is told of it. */
export type MirrorHost = {
  /** As in `http://127.0.0.1:4101`. */
  readonly url: string;
  /** Whether tags are resolved through the mirror as well; else content by digest only comes through it. */
  readonly resolve: boolean;
};

/** A text with the mirror in it, or why it was left as it is. */
export type Edited = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string };

const BEGIN = "# darner: begin (managed by darner, taken out again when it stops)";
const END = "# darner: end";
// Honoured by containerd 2.1 and later, ignored before: half a second is long for loopback, and short for a pod that waits.
const DIAL_TIMEOUT = "500ms";

/** A `hosts.toml` that names the mirror first; what else stands there stays byte for byte, comments and unknown keys too. */
export function withMirror(existing: string | undefined, mirror: MirrorHost): Edited {
  const bare = withoutMirror(existing ?? "");
  const before = parsed(bare);
  if (!before.ok) return before;
  if (mirror.url in hostsOf(before.table))
    return { ok: false, problem: `it already names ${mirror.url}, and not by darner's hand: take that host out, and darner puts it first` };
  const newline = bare.includes("\r\n") ? "\r\n" : "\n";
  const block = blockOf(mirror).join(newline) + newline;
  const at = firstTable(bare);
  const head = bare.slice(0, at);
  const text = head + (head === "" || head.endsWith("\n") ? "" : newline) + block + bare.slice(at);
  return isFirst(text, mirror.url)
    ? { ok: true, text }
    : { ok: false, problem: 'its hosts are written inline, so that none can be put before them: write them as [host."…"] tables' };
}

/** The same text without the mirror's lines; a text without them comes back as it is. */
export function withoutMirror(text: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END, begin);
  if (begin < 0 || end < 0) return text;
  const after = /^\r?\n/.exec(text.slice(end + END.length))?.[0].length ?? 0;
  return text.slice(0, begin) + text.slice(end + END.length + after);
}

function blockOf({ url, resolve }: MirrorHost): string[] {
  return [
    BEGIN,
    `[host.${JSON.stringify(url)}]`,
    `  capabilities = [${resolve ? '"pull", "resolve"' : '"pull"'}]`,
    `  dial_timeout = "${DIAL_TIMEOUT}"`,
    END,
  ];
}

function isFirst(text: string, url: string): boolean {
  const after = parsed(text);
  // containerd asks hosts in the order they stand in the file, and a table keeps it.
  return after.ok && Object.keys(hostsOf(after.table))[0] === url;
}

function hostsOf(table: TomlTable): TomlTable {
  const hosts = table["host"];
  return typeof hosts === "object" && !Array.isArray(hosts) && !(hosts instanceof Date) ? hosts : {};
}

function parsed(text: string): { readonly ok: true; readonly table: TomlTable } | { readonly ok: false; readonly problem: string } {
  try {
    return { ok: true, table: parse(text) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    return { ok: false, problem: `it is no TOML: line ${String(error.line)}, column ${String(error.column)}: mend it` };
  }
}
