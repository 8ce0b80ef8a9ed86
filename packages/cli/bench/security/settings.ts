/** What of Darner's defences is on: all of it, all but the encryption of bytes between hosts, nothing, and nothing once more. */
export const SETTINGS = ["on", "plain bytes", "off", "off again"] as const;
/** What the others are compared with. */
export const BASE = "off";

export type Setting = (typeof SETTINGS)[number];

/** What is measured of each setting in each round, and its unit. */
export const MEASURES = {
  childCpu: "daemon that gets it, CPU-s/GB",
  parentCpu: "daemon that gives it, CPU-s/GB",
  allCpu: "both and the scheduler, CPU-s/GB",
  seconds: "pull, s",
  request: "request for what is here, CPU-ms",
} as const;

export type Measure = keyof typeof MEASURES;

/** One setting in one round. */
export type Sample = Readonly<Record<Measure, number>>;
