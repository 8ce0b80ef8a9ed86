import { Applier, diffOf, NodeFiles, planRuntime, type Change } from "@darner/node-setup";
import { readArguments } from "../arguments.ts";
import { UsageError, type CommandContext, type ExitCode, type Terminal } from "../command.ts";
import { hintsOf, NODE_OPTIONS, runtimeIn, wishOf } from "./node-flags.ts";

/** Runs `darner configure`. */
export async function runConfigure({ argv, env, terminal }: CommandContext): Promise<ExitCode> {
  const { values, positionals } = readArguments(argv, {
    ...NODE_OPTIONS,
    "dry-run": { type: "boolean", default: false },
    undo: { type: "boolean", default: false },
  });
  const [name, ...more] = positionals;
  if (name === undefined || more.length > 0) throw new UsageError("name one runtime: containerd, crio, docker or podman");
  if (values.undo && values["dry-run"]) throw new UsageError("--undo and --dry-run do not go together");
  const runtime = runtimeIn(name);
  const wish = wishOf(values, env);
  const files = new NodeFiles(values.root);
  const applier = new Applier(files, values["state-dir"], runtime);
  if (values.undo) return undo(applier, terminal);
  const { changes, problems, hints } = await planRuntime(
    files,
    runtime,
    wish,
    runtime === "containerd" ? await hintsOf(values, files) : {},
  );
  for (const problem of problems) terminal.err(`darner: ${problem}\n`);
  if (values["dry-run"]) {
    terminal.out(diffOf(changes));
    return problems.length > 0 ? 1 : 0;
  }
  const written = await apply(applier, changes, terminal);
  if (!written) return 1;
  if (changes.length === 0 && problems.length === 0) terminal.err("nothing to change: all is as it should be\n");
  for (const hint of changes.length > 0 ? hints : []) terminal.err(`${hint}\n`);
  return problems.length > 0 ? 1 : 0;
}

async function apply(applier: Applier, changes: readonly Change[], terminal: Terminal): Promise<boolean> {
  try {
    await applier.apply(changes);
  } catch (error) {
    terminal.err(`darner: ${reason(error)}; what was changed before is undone with --undo, and the node keeps pulling as before\n`);
    return false;
  }
  for (const change of changes) terminal.out(`${change.kind === "link" ? "linked" : "wrote"} ${change.path}\n`);
  return true;
}

async function undo(applier: Applier, terminal: Terminal): Promise<ExitCode> {
  try {
    const { undone, left } = await applier.undo();
    for (const path of undone) terminal.out(`put back ${path}\n`);
    for (const problem of left) terminal.err(`darner: ${problem}\n`);
    if (undone.length + left.length === 0) terminal.err("nothing to put back\n");
    return left.length > 0 ? 1 : 0;
  } catch (error) {
    terminal.err(`darner: ${reason(error)}\n`);
    return 1;
  }
}

function reason(error: unknown): string {
  const { code, path } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  if (code === "EROFS")
    return `${path ?? "the file system"} is read-only: give another directory with --config-dir, or the runtime's own settings`;
  if (code === "EACCES" || code === "EPERM") return `${path ?? "a file"} may not be written: run this as root`;
  return error instanceof Error ? error.message : String(error);
}
