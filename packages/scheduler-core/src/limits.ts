/** Every bound of a scheduler, and every duration its rules use. Durations in milliseconds. */
export type SchedulerLimits = {
  readonly maxHosts: number;
  readonly maxTasks: number;
  readonly maxMembersPerTask: number;
  readonly maxPiecesPerTask: number;
  readonly maxRegistriesPerTask: number;
  readonly maxRegistries: number;
  readonly maxRestingTables: number;
  readonly maxNeedsPerPeer: number;
  readonly maxAvoidedParents: number;
  readonly maxReadersPerBlob: number;
  readonly maxConnectionsPerRegistry: number;
  readonly maxRequestsPerMinute: number;
  readonly maxUnitsPerPeer: number;
  readonly maxParentsCompared: number;
  readonly maxProofFailures: number;
  readonly maxMarks: number;
  readonly maxSuspects: number;
  readonly maxStruck: number;
  readonly maxEvidence: number;
  readonly maxAccusations: number;
  readonly maxStrikes: number;
  readonly minRunBytes: number;
  readonly minRunPieces: number;
  readonly runMs: number;
  readonly windowBytes: number;
  readonly windowMs: number;
  readonly strikeWindowMs: number;
  readonly benchMs: number;
  readonly slowMs: number;
  readonly avoidMs: number;
  readonly forgiveMs: number;
  readonly sourceRestMs: number;
  readonly maxSourceRestMs: number;
  readonly lateMs: number;
  readonly unprovenLateMs: number;
  readonly stallMs: number;
  readonly hedgeMs: number;
  readonly assureMs: number;
  readonly assureFedMs: number;
  readonly slowestBytesPerSecond: number;
  readonly checkEveryMs: number;
  readonly askAgainMs: number;
  readonly markWindowMs: number;
  readonly blockMs: number;
  readonly maxBlockMs: number;
  readonly struckMs: number;
  readonly linesMs: number;
};

const KIB = 1024;
const MIB = 1024 * KIB;

/** The bounds of a scheduler for a cluster of up to some ten thousand hosts. */
export const DEFAULT_LIMITS: SchedulerLimits = {
  // Twice the largest cluster Darner is measured with; a host is 0.7 KiB.
  maxHosts: 20_000,
  // Every blob that some store in the cluster holds; 6 KiB each (of 256 pieces) and 0.7 KiB per further holder.
  maxTasks: 200_000,
  // Every host may hold every blob; counts per piece are 16 bits.
  maxMembersPerTask: 20_000,
  // 4 TiB at the largest piece length; a peer's promises are then 0.5 MiB.
  maxPiecesPerTask: 65_536,
  // The same blob through more registry names than this is a configuration error, or an attack on memory.
  maxRegistriesPerTask: 8,
  // Names that callers may bring: bounded by the mirror's allow list in practice.
  maxRegistries: 4096,
  // Tables kept though nobody waits, 8 KiB each: for blobs that are pulled again soon; others are asked of a holder.
  maxRestingTables: 4096,
  // What a few readers wait for at once; the rest they ask for when they get there.
  maxNeedsPerPeer: 64,
  // A child that met this many bad parents forgets the oldest.
  maxAvoidedParents: 32,
  // Eight connections fill any link that one cannot, and no registry minds eight.
  maxReadersPerBlob: 8,
  // What Docker Hub and Harbor's defaults serve without queueing.
  maxConnectionsPerRegistry: 64,
  // Unknown: most registries have none, and what one refuses teaches it.
  maxRequestsPerMinute: 0,
  // Runs one peer takes from holders at a time: enough to keep four parents busy.
  maxUnitsPerPeer: 4,
  // A choice among this many parents is as good as among ten thousand, and costs the same in every swarm.
  maxParentsCompared: 64,
  // A registry whose bytes failed the proof three times does not have this blob.
  maxProofFailures: 3,
  // Once is an accident of a registry, a disk or a memory; twice within the window is a host to take nothing from.
  maxMarks: 2,
  // As many as hosts that could be there at once in a large cluster are too many to go wrong: the oldest is forgotten, 0.2 KiB each.
  maxSuspects: 4096,
  // Blobs some registry sent wrong bytes of lately, 0.3 KiB each; the oldest is forgotten and may be tried again.
  maxStruck: 4096,
  // Occasions of one blob under inquiry at once; an older one is forgotten unsolved.
  maxEvidence: 8,
  // Refused pieces of one blob: two children are enough to tell.
  maxAccusations: 32,
  // One broken channel is an accident, three in a minute are a host in trouble.
  maxStrikes: 3,
  // One request for less costs more in round trips than in bytes.
  minRunBytes: MIB,
  // Shorter runs would need a message for every few pieces.
  minRunPieces: 4,
  // A request should last much longer than a round trip: 0.3 s of the measured rate.
  runMs: 300,
  // Promised and not arrived, per peer, from those who hold it already: a second of a fast link, 4 s of a slow one.
  windowBytes: 16 * MIB,
  // The window of a host whose rate is known.
  windowMs: 1_000,
  strikeWindowMs: 60_000,
  // As long as a daemon needs to restart and catch up.
  benchMs: 30_000,
  // Links change with what else a host does: long against a pull, short against a day.
  slowMs: 300_000,
  // How long a child does not go back to a parent that failed it.
  avoidMs: 10_000,
  // When it does go back, where it has no other way: below the two seconds a reader waits for nothing.
  forgiveMs: 1_000,
  // First rest of a host whose source read broke; doubles with each further failure.
  sourceRestMs: 1_000,
  maxSourceRestMs: 60_000,
  // No piece for this long (and the time of a piece at the slowest useful rate): somebody else tries.
  lateMs: 10_000,
  // The same for a parent that says it holds the piece and gave nobody any of this blob yet: perhaps it holds nothing. An empty promise costs a
  // pull of 4 MiB 6 s instead of 14; holders that are slow, or busy with much else, lose nothing by it (simulator).
  unprovenLateMs: 2_000,
  // Nothing from a source that was giving for this long: others read on. Longer than a retransmission, shorter than a person notices.
  stallMs: 2_000,
  // A reader waits for the piece: ask somebody else sooner.
  hedgeMs: 2_000,
  // Below the 8.4 s after which a peer asks for its first piece where pieces are long, with the 2 s between two looks.
  assureMs: 6_000,
  // Reports may wait 8 s where a peer holds something: who was not heard of for longer got nothing. Below the 12 s after which it helps itself.
  assureFedMs: 9_000,
  slowestBytesPerSecond: 256 * KIB,
  // How often a swarm with missing pieces is looked over for what no event announces.
  checkEveryMs: 2_000,
  // A holder that was asked for its table answers in one round trip, or is stuck.
  askAgainMs: 5_000,
  markWindowMs: 3_600_000,
  // Long against a pull, short for a host whose fault was repaired; doubles each time, up to a day.
  blockMs: 600_000,
  maxBlockMs: 86_400_000,
  // Long enough that the same image is not read in vain again and again, short enough for a registry that was repaired.
  struckMs: 600_000,
  // After a second without a new line, at least, a peer has the lines it lacks, however few: the source is slow, or done.
  linesMs: 1_000,
};
