import type { Command } from "../../packages/cli/src/command.ts";

/** The manual page darner(1), in troff, from the commands. */
export function manPage(commands: readonly Command[], version: string, date: Date): string {
  const day = date.toISOString().slice(0, 10);
  const lines = [
    `.TH DARNER 1 "${day}" "darner ${escaped(version)}"`,
    ".SH NAME",
    "darner \\- distributes container images inside a cluster, peer to peer",
    ".SH SYNOPSIS",
    ".B darner",
    "COMMAND [ARGUMENT]...",
    ".SH COMMANDS",
    ...commands.flatMap(section),
    ".SH FILES",
    ...[
      ["/etc/darner/darner.yaml", "The configuration of both processes; /usr/share/doc/darner/config.md lists every key."],
      ["/etc/darner/join-token", "What proves that this host may be a member."],
      ["/etc/default/darner", "Variables for the units: any key of the configuration, in upper snake case after DARNER_."],
      ["/var/lib/darner", "What the processes keep."],
    ].flatMap(([file = "", what = ""]) => [".TP", `.I ${escaped(file)}`, escaped(what)]),
    ".SH EXIT STATUS",
    "0 done, 1 failed, 2 wrong usage, a wrong configuration, or a process that could not start.",
    ".SH SEE ALSO",
    ".BR systemctl (1),",
    ".BR containerd (8)",
  ];
  return `${lines.join("\n")}\n`;
}

function section({ usage, about, summary, flags }: Command): string[] {
  return [
    `.SS darner ${escaped(usage)}`,
    escaped(summary),
    ".PP",
    escaped(about),
    ...flags.flatMap(({ flag, help }) => [".TP", `.B ${escaped(flag)}`, escaped(help)]),
  ];
}

/** A text whose first character and hyphens mean nothing to troff. */
function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("…", "...")
    .replaceAll(/^([.'])/gm, "\\&$1");
}
