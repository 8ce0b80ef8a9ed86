/** Instants and durations in milliseconds, virtual or real. */
export type Millis = number;

/** Every bound and every patience of a peer. */
export type PeerLimits = {
  /** Fetches from parents that run at a time; more wait in the order of their grants. */
  readonly parentTransfers: number;
  /** Source reads that run at a time, granted and own together. */
  readonly sourceReads: number;
  /** Source reads at which the peer begins no further one of its own. */
  readonly ownSourceReads: number;
  /** Length of a source read that the peer decides on by itself. */
  readonly ownReadBytes: number;
  /** The same for so long after a scheduler was lost, which may come back, or was asked and said nothing. */
  readonly shortReadBytes: number;
  readonly shortReadsMs: Millis;
  /** Pieces such a read has at least. */
  readonly ownReadPieces: number;
  /** Grants held at a time. */
  readonly grants: number;
  /** Readers followed at a time. */
  readonly readers: number;
  /** Landed pieces that wait for their line of the table. */
  readonly pendingPieces: number;
  /** Cancelled transfers whose late pieces still count. */
  readonly cancelledTransfers: number;
  /** How long a landed piece waits for its line. */
  readonly pendingMs: Millis;
  /** How long a scheduler may say nothing after `open`. */
  readonly silentSchedulerMs: Millis;
  /** How long a reader of a peer that is said to be fed waits without any piece before the peer helps itself, at least. */
  readonly misledMs: Millis;
  /** Spread over which the peers of one swarm do so. */
  readonly misledJitterMs: Millis;
  /** How long a peer that lost its scheduler leaves the source to what was granted before: another is found, or the same is back. */
  readonly returnMs: Millis;
  /** The same, at most, while pieces still come by what was granted before. */
  readonly fedReturnMs: Millis;
  /** Jitter before all hosts that lost the same scheduler go to the source. */
  readonly jitterMs: Millis;
  /** How long a starved peer that may read the source leaves it be. */
  readonly starvedReadMs: Millis;
  /** How long a starved reader waits where nobody can give. */
  readonly starvedEndMs: Millis;
  /** How long a reader waits for a piece that nobody was asked for before the scheduler hears of it. */
  readonly needMs: Millis;
  /** The same for a piece in flight, at least. */
  readonly lateMs: Millis;
  /** The same for the first piece of all, at most, where pieces are long. */
  readonly firstPieceMs: Millis;
  /** A piece is late after this many times the usual time between two pieces. */
  readonly lateFactor: number;
  /** How long until the same need may be told again. */
  readonly needAgainMs: Millis;
  /** The same at most, for who said it several times. */
  readonly needAgainMostMs: Millis;
  /** Pieces in one `need`. */
  readonly needPieces: number;
  /** How long readers wait for a registry that wants to be left alone, at most. */
  readonly limitedEndMs: Millis;
  /** The same for a reader that had bytes already, where the registry says that it takes no longer. */
  readonly limitedServedMs: Millis;
  /** How long a reader that had nothing yet waits while reads of the source only fail, whoever tries. */
  readonly troubleEndMs: Millis;
  /** How long readers wait without any progress of the peer. */
  readonly readerMs: Millis;
  /** How long a reader that arrives at a hopeless peer is given, for a credential that may come with it. */
  readonly graceMs: Millis;
  /** Shortest pause after the source failed. */
  readonly backoffMinMs: Millis;
  /** Longest such pause. */
  readonly backoffMaxMs: Millis;
  /** How long verified pieces may wait to be reported together, and how many. */
  readonly reportMs: Millis;
  /** The least they wait where pieces come slower than they did. */
  readonly slowReportMs: Millis;
  readonly reportPieces: number;
  /** In how many parts a blob of many pieces is reported. */
  readonly reportParts: number;
  /** How long a peer without readers stays. */
  readonly lingerMs: Millis;
  /** How long it stays without progress where it goes on to the end because much of the blob is held. */
  readonly stalledMs: Millis;
  /** The same for a preheat. */
  readonly stalledPreheatMs: Millis;
  /** How much longer than a reader's a peer that nobody waits for leaves the source alone when its scheduler is gone, says nothing or misleads it. */
  readonly preheatPatienceMs: Millis;
};

/** The limits of every daemon. */
export const DEFAULT_LIMITS: PeerLimits = {
  // A peer has some ten parents, each with a few runs once others filled holes in its grant.
  parentTransfers: 64,
  // The scheduler asks for one or two, and for up to eight where a registry gives each connection little; stripes overlap while they end.
  sourceReads: 16,
  // Two: the answer to the second request arrives while the first is read, and a registry is not crowded.
  ownSourceReads: 2,
  // 8 MiB, 0.7 s at 100 Mbit/s: long against a round trip, short enough for a scheduler that returns to take over.
  ownReadBytes: 8 * 1024 * 1024,
  // A scheduler that is back a moment later takes over after so little; one that is away for longer is not counted on.
  shortReadBytes: 1024 * 1024,
  shortReadsMs: 10_000,
  // 32 pieces of the smallest length are 8 MiB; of longer ones so many that requests stay few.
  ownReadPieces: 32,
  // A scheduler has some tens out for one peer: far above, and far below what would hurt.
  grants: 256,
  // The mirror bounds connections far below; each entry is some tens of bytes.
  readers: 65_536,
  // Four times a table of usual length; an entry is one hash.
  pendingPieces: 1024,
  // Pieces land late for at most the time a disk needs: a few transfers back.
  cancelledTransfers: 64,
  // A line comes within a round trip through the scheduler; three seconds is a scheduler that lost it.
  pendingMs: 3000,
  // Two seconds may be added to a pull by having nothing to offer (design.md, 3).
  silentSchedulerMs: 2000,
  // After the scheduler's own remedy for late pieces (10 s), and with the spread still before a reader is given up at 20 s:
  // the client would then ask the registry itself. Where the first byte of a slow registry comes, the rest stays home.
  misledMs: 12_000,
  misledJitterMs: 6000,
  // A process that was killed runs again within one to two seconds, and hosts find it within 0.75 s. Two seconds may be added to a pull by
  // having nothing to offer (design.md, 3).
  returnMs: 2000,
  // Who is fed loses nothing by waiting; what is left of a grant lasts some seconds.
  fedReturnMs: 5000,
  // Spreads a thousand hosts over half a second, which a person does not notice.
  jitterMs: 500,
  // Some round trips to the scheduler: a parent may announce itself at this moment.
  starvedReadMs: 300,
  // The two seconds of design.md, 3 again.
  starvedEndMs: 2000,
  // Several round trips: a grant on its way arrives first.
  needMs: 300,
  // Below two seconds a stall of a disk or a collision of retries is not a lost parent.
  lateMs: 2000,
  // Below misledMs: the scheduler hears of it before the peer helps itself.
  firstPieceMs: 10_000,
  lateFactor: 8,
  // A scheduler needs some time to act on a need; repeating it sooner is noise.
  needAgainMs: 2000,
  // The scheduler keeps a need until it comes true: saying it again only helps where a line of the table was lost.
  needAgainMostMs: 16_000,
  // What a reader takes in the next moment; the rest it asks for when it gets there.
  needPieces: 8,
  // Longer, and the client is better served by asking the registry itself.
  limitedEndMs: 5000,
  // A minute's budget of requests is there again within a minute; the registry would refuse the client for as long, and its pull would fail.
  limitedServedMs: 62_000,
  // Time for a second host to try where the first one failed; a registry that is merely slow does not fail.
  troubleEndMs: 5000,
  // The first byte comes within 20 s while the registry is merely slow (design.md, 3).
  readerMs: 20_000,
  graceMs: 300,
  // Half a second does not hurt a registry, half a minute still notices its return during a pull.
  backoffMinMs: 500,
  backoffMaxMs: 30_000,
  // Grants stand, so the scheduler needs reports to see who is late (10 s) and who holds what: most of that time is soon enough.
  reportMs: 8000,
  // Shorter pauses are other flows that come and go.
  slowReportMs: 1000,
  // One message for 16 pieces is 0.06 a piece; the other half of the 0.2 a piece belongs to the scheduler.
  reportPieces: 16,
  reportParts: 16,
  // containerd's retries and a lazy snapshotter's next range come within some seconds.
  lingerMs: 10_000,
  // Twice the longest pause of the source.
  stalledMs: 60_000,
  // A preheat job is given up by its scheduler sooner; this bounds a peer whose scheduler is gone.
  stalledPreheatMs: 600_000,
  // A scheduler is back within seconds, on a busy machine within a minute; all hosts of a preheat at the source meanwhile would be as many
  // copies. What the scheduler's job does not say again after half a minute the host gives up before.
  preheatPatienceMs: 60_000,
};
