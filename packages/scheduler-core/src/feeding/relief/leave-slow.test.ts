import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Room } from "../../../test/room.ts";
import { from } from "../../../test/script.ts";
import { leaveSlowParents } from "./leave-slow.ts";

suite("what a slow parent owes", () => {
  test("is taken from who holds it by now, but for the next few pieces", () => {
    const room = new Room(16);
    const slow = room.holder("slow", room.without());
    room.holder("other", from(8, 8));
    const child = room.peer("child");
    room.promise(child, slow, room.without());
    slow.host.isSlow = true;
    leaveSlowParents(room.turn, room.group, child);
    assert.deepEqual(room.promised(child), { slow: from(0, 8), other: from(8, 8) });
  });

  test("stays where nobody else has it, or only hosts whose links are slow too", () => {
    const room = new Room(16);
    const slow = room.holder("slow", room.without());
    const other = room.holder("other", room.without());
    const child = room.peer("child");
    room.promise(child, slow, room.without());
    for (const { host } of [slow, other]) host.isSlow = true;
    leaveSlowParents(room.turn, room.group, child);
    assert.deepEqual(room.promised(child), { slow: room.without() });
  });

  test("stays where the link is not slow", () => {
    const room = new Room(16);
    const parent = room.holder("parent", room.without());
    room.holder("other", room.without());
    const child = room.peer("child");
    room.promise(child, parent, room.without());
    leaveSlowParents(room.turn, room.group, child);
    assert.deepEqual(room.promised(child), { parent: room.without() });
  });

  test("what it does not have itself is taken from who does, all of it", () => {
    const room = new Room(16);
    const slow = room.peer("slow");
    const source = room.holder("far", room.without());
    room.promise(slow, source, room.without());
    const child = room.peer("child");
    room.promise(child, slow, room.without());
    slow.host.isSlow = true;
    leaveSlowParents(room.turn, room.group, child);
    assert.deepEqual(room.promised(child), { far: room.without() });
  });
});
