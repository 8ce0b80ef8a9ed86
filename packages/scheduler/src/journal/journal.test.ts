import assert from "node:assert/strict";
import { appendFile, mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf, pieceCount, PieceSet, piecesOf, runsOf, type HostId, type PieceRun, type Task } from "@darner/domain";
import { StartError, type Core } from "@darner/runtime";
import { DEFAULT_LIMITS, type SchedulerEffect, type SchedulerEvent } from "@darner/scheduler-core";
import { capturedLog, noLeaks, openTempDir, StoppedClock, type CapturedLog } from "@darner/testkit";
import { hostNamed } from "../../test/grpc/scripted-daemon.ts";
import { Replay, type ReplayVerdict } from "../replay/replay.ts";
import { ReplayBooks, type ReplaySummary } from "../replay/replay-books.ts";
import { seededDice } from "./dice.ts";
import { openCore, type OpenedCore } from "./open-journal.ts";
import { JournalError } from "./journal-line.ts";
import { RecordedCore } from "./recorded-core.ts";
import { openJournal } from "./read-journal.ts";

noLeaks();

const MAX_BYTES = 64 * 1024 * 1024;
const HOSTS = ["a", "b", "c", "d", "e"].map(hostNamed);
const TASKS: Task[] = ["1", "2", "3"].map((letter, at) => ({
  digest: digestOf(`sha256:${letter.repeat(64)}`),
  size: 8_000_000 * (at + 1),
}));

async function openIn(
  dir: string,
  maxBytes = MAX_BYTES,
  file = "journal",
): Promise<{ opened: OpenedCore; log: CapturedLog; file: string }> {
  const [log, path] = [capturedLog(), join(dir, file)];
  return { opened: await openCore(DEFAULT_LIMITS, { file: path, maxBytes }, { timers: new StoppedClock(1000), log }), log, file: path };
}

/** Drives a core through a pull with all that can happen in one, by dice: what is granted comes, or fails, or its host goes. */
function play(core: Core<SchedulerEvent, SchedulerEffect>, seed: number, steps: number): void {
  const dice = seededDice(seed);
  const granted: { host: HostId; task: Task; grant: number; run: PieceRun; isStripe: boolean }[] = [];
  let now = 1000;
  const tell = (event: SchedulerEvent): void => {
    now += dice() * 300;
    for (const effect of core.handle(event, now)) {
      if (effect.type === "grant-pieces" || effect.type === "grant-stripe")
        granted.push({ ...effect, isStripe: effect.type === "grant-stripe" });
    }
  };
  const pick = <Thing>(things: readonly Thing[]): Thing => things[Math.floor(dice() * things.length)] ?? assert.fail("nothing to pick");
  const open = (host: HostId, task: Task): void => {
    const have = new PieceSet(pieceCount(task.size));
    tell({ type: "peer-opened", host, task, registry: "r.example", access: "own", sequential: false, priority: "reader", have });
  };
  const join = (host: HostId): void => {
    tell({ type: "host-joined", host, address: "10.0.0.1:1", zone: "z", seed: false });
    for (const task of TASKS) open(host, task);
  };
  for (const host of HOSTS) join(host);
  for (let step = 0; step < steps; step += 1) {
    const chance = dice();
    const grant = granted.splice(Math.floor(dice() * granted.length), 1)[0];
    if (chance < 0.02) join(pick(HOSTS));
    else if (chance < 0.04) tell({ type: "host-lost", host: pick(HOSTS) });
    else if (chance < 0.1) tell({ type: "time-passed" });
    else if (grant === undefined) open(pick(HOSTS), pick(TASKS));
    else if (chance < 0.2) tell({ type: "grant-failed", host: grant.host, task: grant.task, grant: grant.grant, failure: pick(FAILURES) });
    else if (chance < 0.23) tell({ type: "pieces-needed", host: grant.host, task: grant.task, run: grant.run });
    else {
      const hashes = grant.isStripe ? piecesOf(grant.run).map((piece) => ({ piece, hash: new Uint8Array(32).fill(piece) })) : [];
      tell({ type: "pieces-verified", host: grant.host, task: grant.task, pieces: runsOf(piecesOf(grant.run)), hashes });
    }
  }
}

const FAILURES = [
  { code: "parent-lost" },
  { code: "parent-silent" },
  { code: "piece-refused", piece: 1 },
  { code: "source-unavailable", retryAfterMs: 0 },
] as const;

async function replayed(file: string): Promise<{ verdict: ReplayVerdict; summary: ReplaySummary }> {
  await using reader = await openJournal(file);
  const [replay, books] = [new Replay(reader), new ReplayBooks()];
  for await (const step of replay.steps()) books.take(step);
  return { verdict: replay.verdict, summary: books.summary() };
}

async function recorded(dir: string, steps = 400, maxBytes = MAX_BYTES): Promise<{ file: string; log: CapturedLog }> {
  const { opened, log, file } = await openIn(dir, maxBytes);
  play(opened.driven, 7, steps);
  await opened.journal?.[Symbol.asyncDispose]();
  return { file, log };
}

test("what a journal recorded is decided again, effect for effect, whatever happened", async () => {
  await using dir = await openTempDir();
  for (const seed of [1, 2, 3, 4]) {
    const { opened, file } = await openIn(dir.path, MAX_BYTES, `journal-${String(seed)}`);
    play(opened.driven, seed, 500);
    await opened.journal?.[Symbol.asyncDispose]();
    const { verdict, summary } = await replayed(file);
    assert.deepEqual([verdict.end, verdict.differsAt, verdict.broke], ["closed", undefined, undefined], `seed ${String(seed)}`);
    assert.ok(verdict.events > 500 && verdict.check !== 0 && summary.tasks.length === TASKS.length);
    const read = summary.tasks.map(({ sourceBytes }) => sourceBytes["first-read"] ?? 0);
    assert.ok(
      read.every((bytes, at) => bytes > 0 && bytes <= (TASKS[at]?.size ?? 0)),
      "no byte is read for the first time twice",
    );
  }
});

test("nothing but what an event's type has is written: a secret that strays into one stays out", async () => {
  await using dir = await openTempDir();
  const { opened, file } = await openIn(dir.path);
  const [host] = HOSTS;
  assert.ok(host !== undefined);
  const stray = { authorization: "Bearer s3cret", token: "s3cret" };
  opened.driven.handle({ type: "host-joined", host, address: "h:1", zone: "", seed: false, ...stray }, 1);
  const have = new PieceSet(pieceCount(8_000_000));
  const task = { ...(TASKS[0] as Task), ...stray };
  const opening = { registry: "r.example", access: "caller", sequential: false, priority: "reader", have } as const;
  opened.driven.handle({ type: "peer-opened", host, task, ...opening, ...stray }, 2);
  const failure = { code: "source-unavailable", retryAfterMs: 1, ...stray } as const;
  opened.driven.handle({ type: "grant-failed", host, task, grant: 1, failure, ...stray }, 3);
  await opened.journal?.[Symbol.asyncDispose]();
  const text = await readFile(file, "utf8");
  assert.match(text, /"peer-opened",1,1,{"registry":"r.example","access":"caller"/);
  assert.doesNotMatch(text, /s3cret|authorization|token/);
});

test("a full journal ends, says so once, holds no more than it may, and is replayed as far as it goes", async () => {
  await using dir = await openTempDir();
  const { file, log } = await recorded(dir.path, 2000, 100_000);
  assert.equal(log.lines.filter(({ level }) => level === "warn").length, 1);
  assert.ok(log.lines.some(({ message }) => message === "journal is full, events are no longer recorded"));
  assert.ok((await readFile(file)).length <= 100_100);
  const { verdict } = await replayed(file);
  assert.deepEqual([verdict.end, verdict.differsAt], ["full", undefined]);
});

test("a disk that is full ends the journal, not the scheduler", async () => {
  const log = capturedLog();
  const opened = await openCore(DEFAULT_LIMITS, { file: "/dev/full", maxBytes: MAX_BYTES }, { timers: new StoppedClock(), log });
  await new Promise(setImmediate);
  for (let waited = 0; opened.journal?.isOpen === true && waited < 100_000; waited += 1) await new Promise(setImmediate);
  assert.equal(opened.journal?.isOpen, false);
  play(opened.driven, 1, 100);
  assert.equal(opened.core.hosts().length > 0, true, "it decides on");
  await opened.journal[Symbol.asyncDispose]();
  assert.equal(log.lines.filter(({ message }) => message.startsWith("journal could not be written")).length, 1);
});

test("a path that cannot be written is told at the start, with the key to change", async () => {
  await using dir = await openTempDir();
  await mkdir(join(dir.path, "directory"));
  await writeFile(join(dir.path, "file"), "");
  for (const path of ["missing/journal", "directory", "file/journal"]) {
    await assert.rejects(openIn(dir.path, MAX_BYTES, path), (error: unknown) => {
      assert.ok(error instanceof StartError && error.detail.code === "file-unusable" && error.detail.key === "journal.file");
      assert.match(error.message, /cannot be written: .+\. Set journal\.file \(--journal\) to a file/);
      return true;
    });
  }
});

test("a journal that is there already is kept: a scheduler that died and was started again left it", async () => {
  await using dir = await openTempDir();
  const { file } = await recorded(dir.path, 50);
  const before = await readFile(file, "utf8");
  await recorded(dir.path, 10);
  assert.equal(await readFile(`${file}.1`, "utf8"), before);
});

test("a last line that was cut off, as by a kill, is left out; everything before it is proven", async () => {
  await using dir = await openTempDir();
  const { file } = await recorded(dir.path);
  const text = await readFile(file, "utf8");
  const lastEvent = text.lastIndexOf("\n[") + 1;
  await truncate(file, Buffer.byteLength(text.slice(0, lastEvent + 20)));
  const { verdict } = await replayed(file);
  assert.deepEqual([verdict.end, verdict.differsAt], ["cut", undefined]);
});

test("the first line that is decided otherwise is named", async () => {
  await using dir = await openTempDir();
  const { file } = await recorded(dir.path);
  const lines = (await readFile(file, "utf8")).split("\n");
  // One event less: a host never joined. What follows from it differs sooner or later, and the check then never fits again.
  const joined = lines.findIndex((line) => line.includes('"host-joined"'));
  await writeFile(file, lines.toSpliced(joined, 1).join("\n"));
  const { verdict } = await replayed(file);
  assert.ok(verdict.differsAt !== undefined && verdict.differsAt > joined, `line ${String(verdict.differsAt)}`);
  assert.ok(lines[verdict.differsAt]?.startsWith("["), "it is an event's line");
});

test("whatever is no line of a journal is told with its number", async () => {
  await using dir = await openTempDir();
  const { file } = await recorded(dir.path, 20);
  const good = await readFile(file, "utf8");
  const [header = ""] = good.split("\n");
  const last = good.split("\n").length;
  const cases: [string, number, RegExp][] = [
    ["", 1, /empty/],
    ["hello\n", 1, /no JSON/],
    ['{"journal":"something else"}\n', 1, /no journal of a Darner scheduler/],
    [`${header.replace('"schema":1', '"schema":9')}\n`, 1, /Darner .+ wrote schema 9, this one reads 1/],
    [`${header.replace('"maxHosts"', '"maxGuests"')}\n`, 1, /limits are not those of this version/],
    [`${good}{"host":1,"id":"nobody"}\n`, last, /id is no host id/],
    [`${good}[5,1,"peer-closed",99,1]\n`, last, /no line before names host 99/],
    [`${good}[5,1,"peer-closed",1,99]\n`, last, /no line before names task 99/],
    [`${good}[5,1,"host-danced",1,1]\n`, last, /"host-danced" is no event of this version/],
    [`${good}[5,1,"pieces-needed",1,1,{"run":[0,1,5000]}]\n`, last, /outside of the blob/],
    [`${good}["now",1,"time-passed"]\n`, last, /time is no number/],
    [`${good}7\n`, last, /neither an event nor a name/],
  ];
  for (const [text, line, reason] of cases) {
    await writeFile(file, text);
    await assert.rejects(replayed(file), (error: unknown) => {
      assert.ok(error instanceof JournalError, String(error));
      assert.equal(error.line, line, error.message);
      assert.match(error.message, reason);
      return true;
    });
  }
  await writeFile(file, header);
  await appendFile(file, Buffer.alloc(40 * 1024 * 1024, "x"));
  await assert.rejects(replayed(file), /longer than any line/);
});

test("the event over which a core breaks is the last line, on disk before the process ends", async () => {
  await using dir = await openTempDir();
  const { opened, file } = await openIn(dir.path);
  assert.ok(opened.journal !== undefined);
  const [host] = HOSTS;
  assert.ok(host !== undefined);
  opened.driven.handle({ type: "host-joined", host, address: "h:1", zone: "", seed: false }, 1001);
  const broken = new RecordedCore(
    {
      handle: () => {
        throw new Error("invariant broken");
      },
      nextDeadline: () => undefined,
    },
    opened.journal,
  );
  assert.throws(() => broken.handle({ type: "host-lost", host }, 1002), /invariant broken/);
  assert.match(await readFile(file, "utf8"), /\[1002,null,"host-lost",1\]\n$/);
  await opened.journal[Symbol.asyncDispose]();
});
