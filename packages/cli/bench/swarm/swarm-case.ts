const MIB = 1024 * 1024;
const MEGABIT = 1_000_000;

/** Who pulls: plain HTTP requests whose bytes are thrown away, or a real containerd. */
export type ClientKind = "http" | "containerd";

/** One arrangement of nodes, links and an image. */
export type SwarmCase = {
  readonly name: string;
  readonly client: ClientKind;
  readonly nodes: number;
  /** Each node's link, both ways, in bits a second. */
  readonly rate: number;
  readonly registryRate: number;
  /** What the registry gives one connection, in bits a second; undefined: all its link has. */
  readonly connectionRate: number | undefined;
  readonly mtu: number;
  /** How TCP shares a full link: the first of these that the kernel lets a namespace have. */
  readonly congestion: readonly string[];
  readonly layers: number;
  readonly layerBytes: number;
  /** The nodes begin within this time, each at a moment drawn from a fixed seed. */
  readonly joinSpreadMs: number;
  /** The last node's mirror is killed half a unit after the beginning. */
  readonly killOne: boolean;
  /** One more host, which pulls nothing by itself, is a seed. */
  readonly seed: boolean;
  readonly rounds: number;
  /** All nodes also pull straight from the registry, once: it takes as many units as there are nodes. */
  readonly straight: boolean;
  /** What the last node may take over the unit, and over the bound; how many times faster than the unit one node alone is through its mirror. */
  readonly goal: { readonly overUnit?: number; readonly overBound?: number; readonly speedUp?: number };
};

/** What is measured where nothing else is said; also what the options of the command line change. */
export const USUAL: SwarmCase = {
  name: "custom",
  client: "http",
  nodes: 8,
  rate: 100 * MEGABIT,
  registryRate: 100 * MEGABIT,
  connectionRate: undefined,
  mtu: 1500,
  // What Linux does where nobody chose. A machine with BBR as its default passes it on to namespaces: there an older connection keeps a
  // younger one waiting for seconds in a queue as short as these (docs/adr/0015-swarm-benchmark.md).
  congestion: ["cubic", "reno"],
  layers: 1,
  layerBytes: 64 * MIB,
  joinSpreadMs: 0,
  killOne: false,
  seed: false,
  rounds: 3,
  straight: true,
  goal: {},
};

// Packets of 9000 bytes: the emulated links then cost a sixth, and a machine of two cores has processor time left beside them.
const JUMBO = 9000;
// 200 Mbit/s in all is what two cores keep up with at half load (docs/adr/0015-swarm-benchmark.md); ratios do not depend on the rate.
const GENTLE = { mtu: JUMBO, rate: 25 * MEGABIT, registryRate: 25 * MEGABIT, rounds: 1, straight: false } as const;
// Half the blob where it is not the size that matters: half the time.
const HALF = { ...GENTLE, layerBytes: 32 * MIB } as const;
// In CI other things run as well: what gates is counted, but a run at full load would prove nothing.
const SHORT = { mtu: JUMBO, rate: 20 * MEGABIT, registryRate: 20 * MEGABIT, layerBytes: 16 * MIB, rounds: 1 } as const;

/** Under four minutes. */
export const SHORT_CASES: readonly SwarmCase[] = [
  { ...USUAL, ...SHORT, name: "6 nodes, 20 Mbit/s", nodes: 6, goal: { overUnit: 1.2 } },
  {
    ...USUAL,
    ...SHORT,
    name: "4 nodes, containerd",
    client: "containerd",
    nodes: 4,
    layers: 2,
    layerBytes: 8 * MIB,
    goal: { overUnit: 1.2 },
  },
];

/** Everything that is claimed, each with its goal; a quarter of an hour. */
export const LONG_CASES: readonly SwarmCase[] = [
  { ...USUAL, ...GENTLE, name: "8 nodes, 25 Mbit/s", rounds: 2, straight: true, goal: { overUnit: 1.15 } },
  { ...USUAL, ...GENTLE, name: "8 nodes, 40 Mbit/s", rate: 40 * MEGABIT, registryRate: 40 * MEGABIT, goal: { overUnit: 1.15 } },
  { ...USUAL, name: "8 nodes, 100 Mbit/s", mtu: JUMBO, rounds: 1, straight: false, goal: { overUnit: 1.15 } },
  { ...USUAL, ...GENTLE, name: "8 nodes, 4 layers", layers: 4, layerBytes: 16 * MIB, goal: { overUnit: 1.2 } },
  { ...USUAL, ...GENTLE, name: "16 nodes, 12 Mbit/s", nodes: 16, rate: 12 * MEGABIT, registryRate: 12 * MEGABIT, goal: { overUnit: 1.2 } },
  { ...USUAL, ...HALF, name: "16 nodes, 40 Mbit/s", nodes: 16, rate: 40 * MEGABIT, registryRate: 40 * MEGABIT, goal: { overUnit: 1.2 } },
  {
    ...USUAL,
    ...GENTLE,
    name: "8 nodes, containerd",
    client: "containerd",
    // Eight containerds and their clients take two thirds of what the mirrors do.
    rate: 15 * MEGABIT,
    registryRate: 15 * MEGABIT,
    goal: { overUnit: 1.15 },
  },
  { ...USUAL, ...GENTLE, name: "registry at a quarter", rate: 60 * MEGABIT, registryRate: 15 * MEGABIT, goal: { overBound: 1.2 } },
  { ...USUAL, ...HALF, name: "nodes at a quarter", registryRate: 100 * MEGABIT, rounds: 3, goal: { overBound: 1.2 } },
  { ...USUAL, ...HALF, name: "a tenth per connection", rounds: 2, connectionRate: 2.5 * MEGABIT, goal: { overBound: 1.25, speedUp: 4 } },
  { ...USUAL, ...HALF, name: "one node killed", killOne: true, goal: {} },
  { ...USUAL, ...HALF, name: "joins over 10 s", rounds: 3, joinSpreadMs: 10_000, goal: { overUnit: 1.3 } },
  { ...USUAL, ...HALF, name: "8 nodes and a seed", seed: true, goal: { overUnit: 1.15 } },
];
