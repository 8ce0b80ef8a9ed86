import { JournalError, openJournal, Replay, ReplayBooks, type JournalReader, type ReplayStep } from "@darner/scheduler";
import { readArguments } from "../arguments.ts";
import { UsageError, type CommandContext, type ExitCode } from "../command.ts";
import { shownOf, type ReplayFilter } from "./replay-filter.ts";
import { stepText } from "./replay-text.ts";
import { summaryText } from "./summary-text.ts";

type Plan = { readonly file: string; readonly filter: ReplayFilter; readonly json: boolean; readonly summaryOnly: boolean };

// Lines for people are written in portions of this many characters, so that a long trace does not pile up a write for each.
const PORTION_CHARS = 64 * 1024;

/** Runs `darner replay`. */
export async function runReplay(context: CommandContext): Promise<ExitCode> {
  const plan = planOf(context.argv);
  try {
    await using reader = await openJournal(plan.file);
    return await replay(plan, reader, context);
  } catch (error) {
    if (!(error instanceof Error) || (!(error instanceof JournalError) && !("code" in error))) throw error;
    context.terminal.err(`darner: ${plan.file}: ${error.message}\n`);
    return 1;
  }
}

async function replay({ filter, json, summaryOnly }: Plan, reader: JournalReader, { terminal, signal }: CommandContext): Promise<ExitCode> {
  const [replayed, books] = [new Replay(reader), new ReplayBooks()];
  let waiting = "";
  for await (const step of replayed.steps()) {
    if (signal.aborted) {
      terminal.err("darner: interrupted\n");
      return 1;
    }
    const causes = books.take(step);
    const shown = summaryOnly ? undefined : shownOf(step, filter);
    if (shown === undefined) continue;
    waiting += json ? `${JSON.stringify(jsonOf(shown, causes))}\n` : stepText(shown, causes);
    if (waiting.length < PORTION_CHARS) continue;
    terminal.out(waiting);
    waiting = "";
  }
  const { verdict } = replayed;
  const summary = books.summary();
  const gap = waiting === "" && summaryOnly ? "" : "\n";
  terminal.out(
    waiting +
      (json ? `${JSON.stringify({ journal: reader.header, verdict, summary })}\n` : gap + summaryText(reader.header, verdict, summary)),
  );
  return verdict.differsAt === undefined && verdict.broke === undefined ? 0 : 1;
}

/** A step for programs: sets of pieces as counts, tables as piece numbers. */
function jsonOf({ line, ms, event, effects, struck }: ReplayStep, causes: ReturnType<ReplayBooks["take"]>): object {
  const plain = (thing: object): object => ({
    ...thing,
    ...("have" in thing ? { have: (thing.have as { count: number }).count } : {}),
    ...("hashes" in thing ? { hashes: (thing.hashes as { piece: number }[]).map(({ piece }) => piece) } : {}),
  });
  const withCause = (effect: ReplayStep["effects"][number]): object =>
    effect.type === "grant-stripe" ? { ...effect, cause: causes.get(effect.grant) } : plain(effect);
  return { line, ms, event: plain(event), effects: effects.map(withCause), struck };
}

function planOf(argv: readonly string[]): Plan {
  const { values, positionals } = readArguments(argv, {
    digest: { type: "string", default: "" },
    host: { type: "string", default: "" },
    from: { type: "string" },
    to: { type: "string" },
    summary: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  });
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0)
    throw new UsageError("exactly one FILE is needed: a journal that darner scheduler --journal wrote");
  const digest = values.digest.slice(values.digest.indexOf(":") + 1);
  if (!/^[0-9a-f]*$/.test(digest)) throw new UsageError(`--digest takes a digest or its beginning, not "${values.digest}"`);
  const host = values.host.replace(/^…/, "");
  if (!/^[1-9A-HJ-NP-Za-km-z]*$/.test(host)) throw new UsageError(`--host takes a host id or its end, not "${values.host}"`);
  const filter = { digest, host, fromMs: msOf(values.from, "--from", 0), toMs: msOf(values.to, "--to", Infinity) };
  return { file, filter, json: values.json, summaryOnly: values.summary };
}

function msOf(text: string | undefined, flag: string, fallback: number): number {
  if (text === undefined) return fallback;
  if (!/^[0-9]+(?:\.[0-9]+)?$/.test(text)) throw new UsageError(`${flag} takes seconds since the journal began, as in 12.5, not "${text}"`);
  return Number(text) * 1000;
}
