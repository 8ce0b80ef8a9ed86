import type { Scenario } from "../scenario.ts";
import { coldPull, LINK } from "./cold-pull.ts";

const MIB = 1024 * 1024;
const cold = coldPull(16);

/** Links that are not all alike. */
export const LINKS: readonly Scenario[] = [
  {
    ...cold,
    name: "slow-registry",
    about: "The registry's link has a quarter of the hosts' rate.",
    source: { ...cold.source, bytesPerSecond: LINK / 4 },
    expect: { lastRatio: 1.2, sourceCopies: 1.02 },
  },
  {
    ...cold,
    name: "fast-registry",
    about: "The hosts' links have a quarter of the registry's rate.",
    source: { ...cold.source, bytesPerSecond: LINK * 4 },
    expect: { lastRatio: 1.2, sourceCopies: 1.02 },
  },
  {
    ...cold,
    name: "long-pieces",
    about:
      "Links on which a piece takes more than a second for each step, and many steps: everybody waits long for its first piece, nobody for nothing.",
    hosts: 100,
    // 129 pieces of 4 MiB.
    blobBytes: [516 * MIB],
    upBytesPerSecond: LINK / 4,
    downBytesPerSecond: LINK / 4,
    checks: "now-and-then",
    expect: { lastRatio: 1.1, sourceCopies: 1 },
  },
  {
    ...cold,
    name: "per-connection",
    about: "One connection to the registry gets a tenth of its link.",
    source: { ...cold.source, bytesPerSecondPerConnection: LINK / 10 },
    expect: { lastRatio: 1.15, sourceCopies: 1.02 },
  },
  {
    ...cold,
    name: "slow-connections",
    about: "The same with slow links: a piece takes most of a second on a connection, and a sixth of the pull is over when two came.",
    hosts: 8,
    blobBytes: [32 * MIB],
    upBytesPerSecond: LINK / 4,
    downBytesPerSecond: LINK / 4,
    source: { ...cold.source, bytesPerSecond: LINK / 4, bytesPerSecondPerConnection: LINK / 40 },
    expect: { lastRatio: 1.25, sourceCopies: 1.02 },
  },
  {
    ...cold,
    name: "slow-connections-again",
    about: "The same for a second image half a minute later, and then for a host that comes alone: what was learnt together serves all.",
    hosts: 17,
    blobBytes: [32 * MIB, 32 * MIB, 32 * MIB],
    images: Array.from({ length: 17 }, (_, host) => [host >> 3]),
    joinsAtMs: Array.from({ length: 17 }, (_, host) => (host >> 3) * 30_000),
    upBytesPerSecond: LINK / 4,
    downBytesPerSecond: LINK / 4,
    source: { ...cold.source, bytesPerSecond: LINK / 4, bytesPerSecondPerConnection: LINK / 40 },
    expect: { worstUnits: 1.35, sourceCopies: 1.02 },
  },
  {
    ...cold,
    name: "slow-trickle",
    about: "The registry's own link has a tenth of the hosts' rate: more connections look useful, bring nothing, and cost nothing.",
    hosts: 8,
    blobBytes: [32 * MIB],
    upBytesPerSecond: LINK / 4,
    downBytesPerSecond: LINK / 4,
    source: { ...cold.source, bytesPerSecond: LINK / 40 },
    expect: { lastRatio: 1.05, sourceCopies: 1.02 },
  },
  {
    ...cold,
    name: "racks",
    about: "Four racks behind links of a tenth of what their hosts have together.",
    hosts: 40,
    racks: { count: 4, bytesPerSecond: LINK },
    expect: { lastRatio: 1.1, sourceCopies: 1.02, rackCopies: 1.02 },
  },
  {
    ...cold,
    name: "many-racks",
    about: "Twelve racks behind links of a tenth of what their hosts have together: one rack feeds the next.",
    hosts: 120,
    racks: { count: 12, bytesPerSecond: LINK },
    expect: { lastRatio: 1.1, sourceCopies: 1.02, rackCopies: 1.02 },
  },
  {
    ...cold,
    name: "slow-node",
    about: "One host has a tenth of the others' link, both ways.",
    slow: { who: { hosts: [3] }, upBytesPerSecond: LINK / 10, downBytesPerSecond: LINK / 10 },
    // It is known as slow after two reports of everybody, which is a fifth of this pull.
    expect: { lastRatio: 1.3, medianRatio: 1.15, sourceCopies: 1.05 },
  },
  {
    ...cold,
    name: "uneven",
    about: "A third of the hosts sends at a quarter of the rate it receives at.",
    slow: { who: { share: 1 / 3 }, upBytesPerSecond: LINK / 4, downBytesPerSecond: LINK },
    expect: { lastRatio: 1.4, sourceCopies: 1.02 },
  },
  {
    ...cold,
    name: "far-apart",
    about: "Every message takes 40 ms one way.",
    latencyMs: 40,
    expect: { lastRatio: 1.3, sourceCopies: 1.02 },
  },
];
