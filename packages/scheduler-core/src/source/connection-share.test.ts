import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Room } from "../../test/room.ts";
import { from } from "../../test/script.ts";
import { give } from "../books/grant-book.ts";
import type { Wanting } from "../books/member.ts";
import { mayRead } from "./choose-reader.ts";
import { isOneEnough, shareOf } from "./connection-share.ts";

suite("shares of what a registry bears", () => {
  test("eight readers that could use eight connections each leave room for a ninth, and for all who come until there are as many as connections", () => {
    const room = new Room(256);
    const { connections } = room.registry;
    connections.all = 8;
    const told: number[] = [];
    for (let number = 0; number < 64; number++) {
      const reader = readerOf(room, `host-${String(number).padStart(2, "0")}`);
      if (!mayRead(room.turn, reader)) break;
      give(room.turn, { child: reader, parent: undefined, pieces: from(number * 4, 4) });
      told.push(reader.peer.connections);
      assert.ok(room.registry.told <= 64, String(room.registry.told));
    }
    assert.equal(told[0], 8);
    assert.ok(told.length > 8, `the ninth may read: ${String(told)}`);
  });

  test("who has more than its share is told fewer with its next stripe", () => {
    const room = new Room(256);
    room.registry.connections.all = 8;
    const readers = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"].map((name) => readerOf(room, name));
    for (const [index, child] of readers.entries()) give(room.turn, { child, parent: undefined, pieces: from(index * 4, 4) });
    const [first] = readers;
    assert.ok(first !== undefined);
    const before = first.peer.connections;
    give(room.turn, { child: first, parent: undefined, pieces: from(100, 4) });
    assert.ok(first.peer.connections < before);
    assert.equal(
      room.registry.told,
      readers.reduce((sum, { peer }) => sum + peer.connections, 0),
    );
  });

  test("one host is enough for a blob that nobody waits for, as long as another one is read for somebody", () => {
    const room = new Room(256);
    const preheat = readerOf(room, "a");
    preheat.peer.priority = "preheat";
    const isEnough = (): boolean => isOneEnough(room.turn, room.group, preheat.registry);
    assert.equal(isEnough(), false);
    room.registry.readForAt = room.now;
    assert.equal(isEnough(), true);
    room.now += 4_001;
    assert.equal(isEnough(), false);
    room.registry.readForAt = room.now;
    readerOf(room, "b");
    assert.equal(isEnough(), false, "somebody waits for this one, too");
    room.registry.shutOutAt = room.now;
    assert.equal(isEnough(), true);
  });

  test("where a registry bears one connection one reader has it", () => {
    const room = new Room(256, { maxConnectionsPerRegistry: 1 });
    room.registry.connections.all = 8;
    const [one, other] = [readerOf(room, "a"), readerOf(room, "b")];
    assert.equal(shareOf(room.turn, one), 1);
    give(room.turn, { child: one, parent: undefined, pieces: from(0, 4) });
    assert.equal(mayRead(room.turn, other), false);
    assert.equal(mayRead(room.turn, one), true);
  });
});

function readerOf(room: Room, name: string): Wanting {
  const reader = room.peer(name);
  reader.peer.access = "caller";
  return reader;
}
