import type { Command } from "../command.ts";

/** `darner replay`: what a scheduler decided, and why, from its journal. */
export const replayCommand: Command = {
  name: "replay",
  summary: "Show what a scheduler decided and why, from its journal, and prove it.",
  usage: "replay FILE [--digest DIGEST] [--host ID] [--from SECONDS] [--to SECONDS] [--summary] [--json]",
  about:
    "Drives the scheduler's own core with the events and times that darner scheduler --journal FILE wrote, offline. Prints each event and what was decided on it, then a sum: grants, source bytes by cause, hosts that were struck. Every decision is compared with the recorded one; where one differs its line is named and the exit code is 1.",
  flags: [
    { flag: "--digest DIGEST", help: "Only what concerns this blob; the beginning of a digest is enough." },
    { flag: "--host ID", help: "Only what concerns this host; the end of its id is enough." },
    { flag: "--from SECONDS", help: "Only from then on, counted from the journal's begin." },
    { flag: "--to SECONDS", help: "Only until then." },
    { flag: "--summary", help: "Only the sum, which is of the whole journal whatever is shown." },
    { flag: "--json", help: "One JSON object a line: the steps, at last journal, verdict and summary." },
  ],
  takesConfig: false,
  async run(context) {
    const { runReplay } = await import("../replay/run-replay.ts");
    return runReplay(context);
  },
};
