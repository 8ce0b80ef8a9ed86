import type { SourceAccess } from "@darner/domain";
import type { Expectation } from "./expectation.ts";
import type { Fault, Who } from "./fault.ts";

/** The registry of a scenario. */
export type SourceConditions = {
  readonly bytesPerSecond: number;
  /** 0: no limit. */
  readonly bytesPerSecondPerConnection: number;
  /** Whether it answers a Range with the range. */
  readonly ranges: boolean;
  /** How long every request waits for the first byte of its answer, besides the latency; none where it is left out. */
  readonly firstByteMs?: number;
  /** Reads it answers at once; a further one is refused. No limit where it is left out. */
  readonly maxConnections?: number;
  /** Requests it answers in each minute; a further one gets 429 and the rest of the minute as Retry-After. No limit where it is left out. */
  readonly requestsPerMinute?: number;
};

/** Hosts that are not like the others. */
export type SlowHosts = { readonly who: Who; readonly upBytesPerSecond: number; readonly downBytesPerSecond: number };

/** Hosts stand in racks, in turns; each rack has one link to all the others, of this rate both ways. */
export type Racks = { readonly count: number; readonly bytesPerSecond: number };

/** One run of the simulator, as plain data. */
export type Scenario = {
  readonly name: string;
  /** What it is about, in one line. */
  readonly about: string;
  /** Sizes of the blobs that every host pulls at once. */
  readonly blobBytes: readonly number[];
  readonly hosts: number;
  /** Rates of every host's link, each way. */
  readonly upBytesPerSecond: number;
  readonly downBytesPerSecond: number;
  /** One way, between any two. */
  readonly latencyMs: number;
  readonly source: SourceConditions;
  /** Host `index` begins to pull at the `index`-th instant; those beyond the list at once. */
  readonly joinsAtMs: readonly number[];
  /** Hosts begin evenly spread by the dice over so long after that; none where it is left out. */
  readonly joinSpreadMs?: number;
  /** Which blobs (by number) make an image: host `index` pulls the image `index` modulo their number. Left out: every host pulls every blob. */
  readonly images?: readonly (readonly number[])[];
  readonly slow?: SlowHosts;
  readonly racks?: Racks;
  /** Hosts (the first ones) that are kept to fetch first and stay. */
  readonly seeds?: number;
  /** Hosts whose pulls nobody waits for. */
  readonly preheats?: Who;
  /** Hosts (by number, the first ones) that hold the blobs, proven, before anything happens. */
  readonly holders: number;
  /** How the hosts may read the source; beyond the list: `caller`. */
  readonly access: readonly SourceAccess[];
  /** How many schedulers there are; 0: a swarm without one. */
  readonly schedulers: number;
  /** Requests that the schedulers were told the registry answers in a minute; they find out where it is left out. */
  readonly toldRequestsPerMinute?: number;
  readonly faults: readonly Fault[];
  /** Whatever does not end in this much virtual time hangs; left out: a minute and ten times the bound after the last host joined. */
  readonly endMs?: number;
  /** Slices a piece is cut into on its way; left out: as many as the number of hosts allows. */
  readonly slicesPerPiece?: number;
  /** How often everything is looked at that always holds; left out: after every step up to a hundred hosts, above now and then. At the end in any case. */
  readonly checks?: "every-step" | "now-and-then";
  /** What the run is held to. */
  readonly expect: Expectation;
};
