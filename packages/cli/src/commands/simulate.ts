import type { Command } from "../command.ts";

/** `darner simulate`: plays a scenario with the real cores in virtual time. */
export const simulateCommand: Command = {
  name: "simulate",
  summary: "Play a pull of many hosts in virtual time, with the real scheduler and peers.",
  usage: "simulate [--scenario NAME] [--peers N] [--size BYTES] [--seed N] [--svg FILE] [--json] [--list] …",
  about:
    "Prints how long the pulls took against the least time there can be, what the registry sent, and how many messages a piece cost. Exits 1 where a figure is worse than the scenario expects. The same seed plays the same run.",
  flags: [
    { flag: "--scenario NAME", help: `What happens (default: cold-pull).` },
    { flag: "--list", help: "List the scenarios and what each is held to." },
    { flag: "--peers N", help: "How many hosts." },
    { flag: "--size BYTES", help: "Size of each blob: 64MiB, 1GiB." },
    { flag: "--layers N", help: "How many blobs of that size each host pulls at once." },
    { flag: "--rate RATE", help: "Rate of every link, the registry's too: 100Mbit, 12.5MB (bytes a second)." },
    { flag: "--up RATE", help: "Rate at which each host sends." },
    { flag: "--down RATE", help: "Rate at which each host receives." },
    { flag: "--source-rate RATE", help: "Rate of the registry's link." },
    { flag: "--per-connection RATE", help: "Rate one connection to the registry gets at most." },
    { flag: "--latency MS", help: "Milliseconds one way between any two." },
    { flag: "--join-spread SECONDS", help: "Hosts begin within so many seconds instead of at once." },
    { flag: "--lose SHARE", help: "This share of the hosts dies in the middle." },
    { flag: "--liars SHARE", help: "This share of the hosts sends wrong bytes only." },
    { flag: "--racks N", help: "Hosts stand in so many racks, each behind a link of a tenth of what its hosts have together." },
    { flag: "--slices N", help: "Slices a piece is cut into on its way: more share links more evenly and take longer." },
    { flag: "--seed N", help: `The seed of all dice (default: 1).` },
    { flag: "--trace", help: "Print every event and effect on stderr." },
    { flag: "--svg FILE", help: "Draw pieces over time, and when the pulls ended against the bound." },
    { flag: "--json", help: "The report as JSON." },
  ],
  takesConfig: false,
  async run(context) {
    const { runSimulate } = await import("../simulation/run-simulate.ts");
    return runSimulate(context);
  },
};
