import type { BlobAccount, BlobExplanation, Origin } from "@darner/daemon";
import type { PieceRun } from "@darner/domain";
import { bytesText } from "../text.ts";

type SourceRead = BlobAccount["sourceReads"][number];

const CAUSES: Readonly<Record<SourceRead["cause"], string>> = {
  granted: "the scheduler granted this stripe",
  hedge: "it was late, and a reader waited",
  "no-scheduler": "no scheduler told where else to get it",
  starved: "no host had it to give",
  "failed-proof": "the bytes before did not have the digest",
};

const STATES: Readonly<Record<BlobAccount["state"], string>> = {
  fetching: "on its way",
  proving: "all here, the digest is being proven",
  complete: "complete and proven",
  over: "given up: nobody wanted it any more, or nobody could give it",
};

// Parents, source reads, waits and notes that are shown; --json has all there are.
const MAX_ROWS = 16;
const BAR_COLUMNS = 24;
const MAX_RUNS_SHOWN = 4;

/** How a blob came to this host, for people. */
export function explainText(kind: string, explanation: BlobExplanation): string {
  const { digest, stored, accounts, readsFromDisk } = explanation;
  const lines = [`${kind} ${digest}`];
  for (const { bytes, complete, held, pieces } of stored) {
    const part = complete ? "held whole" : `${String(held)} of ${String(pieces)} pieces held`;
    lines.push(
      `  ${bytesText(bytes)}, ${part} by this host (${explanation.name}); read from disk ${times(readsFromDisk)} since the daemon started`,
    );
  }
  if (stored.length === 0) lines.push("  not held by this host any more");
  if (accounts.length === 0) lines.push("  how it came here is not known: it did before the daemon started, as a whole, or too long ago");
  for (const account of accounts) lines.push(...accountLines(account));
  return `${lines.join("\n")}\n`;
}

function accountLines(account: BlobAccount): string[] {
  const { ms, grants, readers } = account;
  const before = account.heldBefore === 0 ? "" : `, ${String(account.heldBefore)} of its pieces were here before`;
  return [
    `  fetched ${account.began} through ${account.registry}, ${accessText(account.access)}: ${STATES[account.state]}`,
    `  ${String(account.held)} of ${String(account.pieces)} pieces of ${bytesText(account.pieceBytes)}${before}`,
    `  ${seconds(ms.total)} in all: first piece after ${seconds(ms.firstPiece)}, last after ${seconds(ms.lastPiece)}, proof ${seconds(ms.proof)} later; ${times(readers.opened)} read, readers stood still for ${seconds(ms.waited)}`,
    `  granted by the scheduler: ${times(grants.fromHosts)} from hosts, ${times(grants.stripes)} from the source, ${times(grants.revoked)} taken back`,
    ...originLines(account),
    ...listed("why the source was read", account.sourceReads.map(readText), account.leftOut.sourceReads),
    ...listed(
      "longest waits of a reader",
      account.waits.map(
        (wait) => `${at(wait.atMs)}  ${seconds(wait.ms)} for piece ${String(wait.piece)}, which came from ${nameOf(wait.from)}`,
      ),
      0,
    ),
    ...listed(
      "also",
      account.notes.map((note) => `${at(note.atMs)}  ${note.what}${note.detail === "" ? "" : `: ${note.detail}`}`),
      account.leftOut.notes,
    ),
  ];
}

/** A row and a timeline for everybody who gave something, or should have. */
function originLines({ origins, ms, leftOut }: BlobAccount): string[] {
  if (origins.length === 0) return ["  nothing was asked of anybody"];
  const rows = origins
    .slice(0, MAX_ROWS)
    .map((origin) => [
      nameOf(origin.from),
      origin.address,
      String(origin.pieces),
      bytesText(origin.bytes),
      String(origin.requests),
      bar(origin.firstMs, origin.lastMs, ms.total),
      [
        runsText(origin.runs),
        ...Object.entries(origin.failures).map(([code, count]) => `${code} ${String(count)}×`),
        ...(origin.refused === 0 ? [] : [`${String(origin.refused)} wrong pieces`]),
      ]
        .filter((text) => text !== "")
        .join("; "),
    ]);
  const more = origins.length - rows.length + leftOut.origins;
  return [
    ...table([["FROM", "ADDRESS", "PIECES", "BYTES", "REQUESTS", "WHEN", "WHICH"], ...rows]),
    ...(more > 0 ? [`    and ${String(more)} more`] : []),
  ];
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `    ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd());
}

/** When its pieces came, from the beginning to the end of the fetch. */
function bar(firstMs: number | null, lastMs: number | null, totalMs: number): string {
  if (firstMs === null || lastMs === null || totalMs <= 0) return "·".repeat(BAR_COLUMNS);
  const column = (ms: number): number => Math.min(BAR_COLUMNS - 1, Math.floor((ms / totalMs) * BAR_COLUMNS));
  const [from, to] = [column(firstMs), column(lastMs)];
  return "·".repeat(from) + "█".repeat(to - from + 1) + "·".repeat(BAR_COLUMNS - 1 - to);
}

function readText({ atMs, endMs, run, cause, instead, bytes, end }: SourceRead): string {
  const why = instead === "" ? CAUSES[cause] : `${CAUSES[cause]} (before: ${shortened(instead)})`;
  const outcome = endMs === null ? "under way" : `${end === "done" ? "done" : (end ?? "")} after ${seconds(endMs - atMs)}`;
  return `${at(atMs)}  ${runsText([run])}: ${why}; ${outcome}, ${bytesText(bytes)}`;
}

function listed(title: string, rows: readonly string[], leftOut: number): string[] {
  if (rows.length === 0) return [];
  const more = rows.length - MAX_ROWS + leftOut;
  return [
    `  ${title}`,
    ...rows.slice(0, MAX_ROWS).map((row) => `    ${row}`),
    ...(more > 0 && rows.length + leftOut > MAX_ROWS ? [`    and ${String(more)} more`] : []),
  ];
}

/** `pieces 0-15, 3, every 4th 17-61`. */
function runsText(runs: readonly PieceRun[]): string {
  if (runs.length === 0) return "";
  const texts = runs.slice(0, MAX_RUNS_SHOWN).map(({ first, stride, count }) => {
    const last = first + (count - 1) * stride;
    if (count === 1) return String(first);
    return stride === 1 ? `${String(first)}-${String(last)}` : `every ${String(stride)}th ${String(first)}-${String(last)}`;
  });
  return `${runs.length === 1 && runs[0]?.count === 1 ? "piece" : "pieces"} ${texts.join(", ")}${runs.length > MAX_RUNS_SHOWN ? ", …" : ""}`;
}

function nameOf(from: Origin): string {
  return from === "source" ? "source" : `…${from.slice(-8)}`;
}

function shortened(text: string): string {
  return text.replaceAll(/12D3KooW\w{36}(\w{8})/g, "…$1");
}

function accessText(access: BlobAccount["access"]): string {
  if (access === "none") return "without a right to read the source";
  return access === "own" ? "which this host may read itself" : "with the caller's credential";
}

function seconds(ms: number | null): string {
  return ms === null ? "–" : `${(ms / 1000).toFixed(3)} s`;
}

function at(ms: number): string {
  return `${(ms / 1000).toFixed(3).padStart(8)} s`;
}

function times(count: number): string {
  return count === 1 ? "once" : `${String(count)} times`;
}
