import type { Command } from "../command.ts";
import { API_FLAGS } from "./api-flags.ts";

/** `darner preheat`: hosts hold images before anybody pulls them. */
export const preheatCommand: Command = {
  name: "preheat",
  summary: "Let hosts hold images before anybody pulls them.",
  usage: "preheat IMAGE… [--file images.txt] [--scope SCOPE] [--platform OS/ARCH] [--wait] [--json]",
  about:
    "Asks the scheduler for a job and prints its id. With --wait it shows how far each host is, and the exit code is 0 where the job succeeded (with hosts that failed: 1). Each image comes from its registry once, and hosts take it from each other.",
  flags: [
    { flag: "--file FILE", help: "Further images, one a line; # begins a comment." },
    { flag: "--scope SCOPE", help: "all-hosts (default), all-seeds, single-seed, or hosts with the four flags below." },
    { flag: "--count N", help: "So many hosts, spread over zones." },
    { flag: "--percent N", help: "So many hosts of a hundred." },
    { flag: "--zone ZONE", help: "Hosts of this zone; may be given several times." },
    { flag: "--host NAME", help: "Hosts of this name, address or id; may be given several times." },
    { flag: "--label KEY=VALUE", help: "Hosts with this label; may be given several times." },
    { flag: "--platform OS/ARCH", help: "Which images of an index; may be given several times (default: those of the hosts)." },
    { flag: "--priority N", help: "0 to 100: higher goes first among preheats." },
    { flag: "--deadline SECONDS", help: "After this the job fails with what is missing (default: 1680)." },
    { flag: "--pin SECONDS", help: "How long the hosts keep the content from eviction." },
    { flag: "--require-all", help: "A host that fails fails the job." },
    { flag: "--wait", help: "Wait until the job is over, and show how far it is." },
    ...API_FLAGS,
  ],
  takesConfig: true,
  async run(context) {
    const { runPreheat } = await import("../preheat/run-preheat.ts");
    return runPreheat(context);
  },
};
