import type { Scenario } from "../scenario.ts";
import { coldPull } from "./cold-pull.ts";

const MIB = 1024 * 1024;
const cold = coldPull(16);

/** 25 Mbit/s. */
const slowLinks = {
  upBytesPerSecond: cold.upBytesPerSecond / 4,
  downBytesPerSecond: cold.downBytesPerSecond / 4,
  source: { ...cold.source, bytesPerSecond: cold.source.bytesPerSecond / 4 },
};

/** Many at once, one after the other, and several blobs. */
export const CROWDS: readonly Scenario[] = [
  {
    ...cold,
    name: "layers",
    about: "Four layers of 16 MiB instead of one blob.",
    hosts: 8,
    blobBytes: Array.from({ length: 4 }, () => 16 * MIB),
    expect: { lastRatio: 1.2, sourceCopies: 1.02 },
  },
  {
    ...cold,
    name: "slow-layers",
    about: "The same on links of a quarter: pieces of each layer come far apart, and are reported late.",
    hosts: 8,
    blobBytes: Array.from({ length: 4 }, () => 16 * MIB),
    ...slowLinks,
    expect: { lastRatio: 1.1, sourceCopies: 1.02 },
  },
  {
    ...cold,
    name: "many-layers",
    about: "Sixteen layers of 4 MiB: their first pieces do not all come at the same time, late.",
    ...slowLinks,
    hosts: 8,
    blobBytes: Array.from({ length: 16 }, () => 4 * MIB),
    expect: { lastRatio: 1.1, sourceCopies: 1 },
  },
  {
    ...cold,
    name: "many-small-layers",
    about: "Thirty-two layers of 2 MiB.",
    ...slowLinks,
    hosts: 8,
    blobBytes: Array.from({ length: 32 }, () => 2 * MIB),
    expect: { lastRatio: 1.12, sourceCopies: 1 },
  },
  {
    ...cold,
    name: "layers-of-a-piece",
    about: "Sixty-four layers of one piece.",
    ...slowLinks,
    hosts: 8,
    blobBytes: Array.from({ length: 64 }, () => 262_144),
    expect: { lastRatio: 1.25, sourceCopies: 1 },
  },
  {
    ...cold,
    name: "layers-slow-connections",
    about: "Sixteen layers from a registry that gives each connection a tenth of its link.",
    ...slowLinks,
    hosts: 8,
    blobBytes: Array.from({ length: 16 }, () => 4 * MIB),
    source: { ...slowLinks.source, bytesPerSecondPerConnection: slowLinks.source.bytesPerSecond / 10 },
    expect: { lastRatio: 1.3, sourceCopies: 1.02 },
  },
  {
    ...cold,
    name: "images",
    about: "Three images that share a layer, each pulled by a third of the hosts.",
    blobBytes: [16 * MIB, 16 * MIB, 8 * MIB, 24 * MIB],
    images: [
      [0, 1],
      [0, 2],
      [0, 3],
    ],
    expect: { lastRatio: 1.3, sourceCopies: 1.02 },
  },
  {
    ...cold,
    name: "two-images",
    about: "Two images without a common layer, each pulled by every host at the same time: neither waits for the other.",
    hosts: 8,
    blobBytes: [48 * MIB, 16 * MIB],
    expect: { lastRatio: 1.15, sourceCopies: 1.02 },
  },
  {
    ...cold,
    name: "small-among-large",
    about: "A blob of one piece is pulled while every link is busy with a large one.",
    hosts: 8,
    blobBytes: [96 * MIB, 200_000],
    expect: { lastRatio: 1.1, sourceCopies: 1.02 },
  },
  {
    ...cold,
    name: "small-blobs",
    about: "Blobs of one piece: one source read each, everybody else is fed.",
    blobBytes: [1000, 200_000, 262_144],
    expect: { sourceCopies: 1 },
  },
  {
    ...cold,
    name: "herd",
    about: "Hosts come within a minute, while and after the first ones pull.",
    hosts: 50,
    blobBytes: [256 * MIB],
    joinSpreadMs: 60_000,
    expect: { worstUnits: 1.3, sourceCopies: 1.02 },
  },
  {
    ...cold,
    name: "late-joiners",
    about: "Half of the hosts come late.",
    hosts: 8,
    joinsAtMs: [0, 0, 0, 0, 2000, 3000, 4000, 9000],
    expect: { worstUnits: 1.3, sourceCopies: 1.02 },
  },
  {
    ...cold,
    name: "seeds",
    about: "Two seeds fetch beside the hosts that wait.",
    hosts: 10,
    seeds: 2,
    expect: { lastRatio: 1.25, sourceCopies: 1.02 },
  },
  {
    ...cold,
    name: "preheat-beside-readers",
    about: "Half of the hosts preheat a blob that the other half waits for.",
    preheats: { share: 0.5 },
    expect: { lastRatio: 1.15, sourceCopies: 1.02 },
  },
  {
    ...cold,
    name: "preheat-beside-another",
    about: "Half of the hosts preheat a blob while the other half waits for another one: who waits comes first.",
    blobBytes: [64 * MIB, 64 * MIB],
    images: [[0], [1]],
    preheats: { hosts: [1, 3, 5, 7, 9, 11, 13, 15] },
    // With equal shares of the registry's link it would be two.
    expect: { worstUnits: 1.6, sourceCopies: 1.02 },
  },
  {
    ...cold,
    name: "fair-shares",
    about:
      "A small image, a middling and a large one, each pulled by a third of the hosts: nobody waits for more than its share of the registry.",
    blobBytes: [16 * MIB, 32 * MIB, 96 * MIB],
    images: [[0], [1], [2]],
    // With equal shares the small one takes three units.
    expect: { worstUnits: 3.3, lastRatio: 1.1, sourceCopies: 1.02 },
  },
  {
    ...cold,
    name: "warm-holder",
    about: "One proven holder, no source access for anybody else.",
    hosts: 8,
    holders: 1,
    access: Array.from({ length: 8 }, () => "none" as const),
    expect: { sourceCopies: 0, lastRatio: 1.2 },
  },
  {
    ...cold,
    name: "one-reader",
    about: "Only one host may read the source.",
    hosts: 8,
    access: ["caller", ...Array.from({ length: 7 }, () => "none" as const)],
    expect: { sourceCopies: 1.02, lastRatio: 1.2 },
  },
];
