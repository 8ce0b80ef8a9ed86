import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { hostIdOf, type HostId } from "@darner/domain";
import { DenyList, makeKeyFile, MAX_MEMBERS, MemberLists, type OwnKey } from "@darner/membership";
import { loadSchedulerService, writeSchedulerMessage, type MembershipNews } from "@darner/protocol";
import { silentLog } from "@darner/runtime";
import { noLeaks, openTempDir, StoppedClock } from "@darner/testkit";
import { MembersOnDisk } from "./kept-members.ts";
import { MemberBoard, type BoardMark } from "./member-board.ts";

noLeaks();

// Base58, in which host ids are written.
const LETTERS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const COMMIT_MS = 500;

/** A host id of the right form. */
function hostAt(at: number): HostId {
  let rest = at;
  let text = "";
  while (text.length < 44) {
    text += LETTERS[rest % LETTERS.length] ?? "1";
    rest = Math.floor(rest / LETTERS.length);
  }
  return hostIdOf(`12D3KooW${text}`);
}

type Bench = AsyncDisposable & { readonly board: MemberBoard; readonly clock: StoppedClock; readonly key: OwnKey };

async function openBoard(): Promise<Bench> {
  await using births = new AsyncDisposableStack();
  const dir = births.use(await openTempDir());
  const key = await makeKeyFile(join(dir.path, "key"), { what: "key", configKey: "dataDir", ifRemoved: "it is gone" });
  const clock = new StoppedClock();
  const disk = new MembersOnDisk(dir.path, silentLog);
  const deps = { signingKey: key, kept: await disk.read(), disk, timers: clock, wallClock: () => 1, log: silentLog };
  const board = births.use(new MemberBoard(deps));
  const lives = births.move();
  return { board, clock, key, [Symbol.asyncDispose]: () => lives.disposeAsync() };
}

function admit({ board, clock }: Bench, first: number, count: number): void {
  for (let at = first; at < first + count; at += 1) board.admitted(hostAt(at), { via: "token", admittedAt: 1 });
  clock.advance(COMMIT_MS);
}

const session = loadSchedulerService().definition["Session"];

function bytesOf(news: MembershipNews): number {
  const message = { orders: [], ping: false, publicFacts: [], membership: news };
  return session?.responseSerialize(writeSchedulerMessage(message)).length ?? 0;
}

test("the list of 20,000 hosts is a megabyte once, a new host a few hundred bytes, and nothing is said to who has it all", async () => {
  await using bench = await openBoard();
  const { board, key } = bench;
  admit(bench, 0, MAX_MEMBERS - 2);
  const start = process.cpuUsage();
  const none: BoardMark = board.markOf([], new Uint8Array());
  const full = board.news(none);
  assert.ok(full !== undefined);
  const fullBytes = bytesOf(full.news);
  const fullCpu = process.cpuUsage(start);
  const lists = new MemberLists(key.publicKey);
  assert.ok(full.news.list !== undefined);
  assert.equal(lists.change(full.news.list), undefined);
  assert.equal(board.news(full.mark), undefined);
  admit(bench, MAX_MEMBERS - 2, 1);
  const deltaStart = process.cpuUsage();
  const delta = board.news(full.mark);
  assert.ok(delta?.news.list !== undefined);
  const deltaBytes = bytesOf(delta.news);
  const deltaCpu = process.cpuUsage(deltaStart);
  assert.equal(lists.change(delta.news.list), undefined);
  assert.ok(lists.has(hostAt(MAX_MEMBERS - 2)));
  console.log(
    `list of ${String(MAX_MEMBERS)} hosts: full ${String(fullBytes)} bytes, ${String((fullCpu.user + fullCpu.system) / 1000)} ms CPU; ` +
      `one host more ${String(deltaBytes)} bytes, ${String((deltaCpu.user + deltaCpu.system) / 1000)} ms CPU`,
  );
  assert.ok(fullBytes < 1.2 * 1024 * 1024 && deltaBytes < 400);
});

test("a thousand hosts that join at once are one version, and a session that missed them hears them together", async () => {
  await using bench = await openBoard();
  const mark = bench.board.news(bench.board.markOf([], new Uint8Array()))?.mark;
  assert.ok(mark !== undefined);
  admit(bench, 0, 1000);
  const told = bench.board.news(mark);
  assert.deepEqual([told?.news.list?.added.length, told?.mark.version], [1000, mark.version + 1]);
});

test("a removed host is denied at once and off the list with the next version; who knew all hears both", async () => {
  await using bench = await openBoard();
  admit(bench, 0, 3);
  // A denial names a key that there is.
  const host = bench.key.id;
  bench.board.admitted(host, { via: "token", admittedAt: 1 });
  bench.clock.advance(COMMIT_MS);
  const mark = bench.board.news(bench.board.markOf([], new Uint8Array()))?.mark;
  assert.ok(mark !== undefined);
  assert.equal(await bench.board.remove(host), "removed");
  const denial = bench.board.news(mark);
  const heard = new DenyList(bench.key.publicKey).hear(denial?.news.denials[0] ?? new Uint8Array());
  assert.deepEqual([heard.heard, heard.host, denial?.news.list], ["new", host, undefined]);
  bench.clock.advance(COMMIT_MS);
  assert.deepEqual(bench.board.news(denial?.mark ?? mark)?.news.list?.removed, [host]);
  assert.equal(await bench.board.remove(host), "already-removed");
});
