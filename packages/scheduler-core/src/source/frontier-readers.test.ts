import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Room } from "../../test/room.ts";
import { from } from "../../test/script.ts";
import type { Wanting } from "../books/member.ts";
import { hedge } from "../feeding/hedge-piece.ts";
import { advanceFrontier } from "./source-frontier.ts";

suite("readers of the frontier", () => {
  test("who reads one piece because it was late elsewhere is dealt nothing else where other blobs are read, too", () => {
    assert.deepEqual(dealtAfterHedge(1), [5]);
    assert.ok(dealtAfterHedge(0).length > 1);
  });

  test("who is to have more connections is dealt a stripe for each at once, however long the one that it reads is", () => {
    const { room, reader } = readerOf([from(0, 40)]);
    assert.deepEqual(toldAfterDeal(room), [], "one connection, and enough to read on it");
    room.registry.connections.all = 4;
    assert.deepEqual([...new Set(toldAfterDeal(room))], [4]);
    assert.ok(reader.peer.stripes >= 4);
    assert.deepEqual(toldAfterDeal(room), [], "once");
  });

  test("who has a stripe for each of more connections already hears of them with one more", () => {
    const { room } = readerOf([from(0, 40), from(40, 40), from(80, 40), from(120, 40)]);
    room.registry.connections.all = 4;
    assert.deepEqual([...new Set(toldAfterDeal(room))], [4]);
    assert.deepEqual(toldAfterDeal(room), [], "once");
  });
});

/** What a host that reads piece 5 because it was late elsewhere reads after a deal, while others read other blobs of the registry. */
function dealtAfterHedge(readersOfOthers: number): number[] {
  const room = new Room(64);
  const peers = ["a", "b", "c"].map((name) => room.peer(name));
  for (const { peer } of peers) peer.access = "caller";
  const c = peers[2] ?? assert.fail();
  hedge(room.turn, c, undefined, 5);
  room.registry.readers += readersOfOthers;
  advanceFrontier(room.turn, room.group);
  return room.promised(c)["source"] ?? [];
}

/** A room whose only reader was dealt these stripes while one connection was all. */
function readerOf(stripes: readonly (readonly number[])[]): { room: Room; reader: Wanting } {
  const room = new Room(256);
  const reader = room.peer("reader");
  reader.peer.access = "caller";
  room.registry.firstByteMs = 0;
  for (const stripe of stripes) room.read(reader, stripe);
  return { room, reader };
}

/** The connections that readers were told of in a deal. */
function toldAfterDeal(room: Room): number[] {
  room.effects.length = 0;
  advanceFrontier(room.turn, room.group);
  return room.effects.flatMap((effect) => (effect.type === "grant-stripe" ? [effect.connections] : []));
}
