import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Room } from "../../../test/room.ts";
import { from } from "../../../test/script.ts";
import { leaveCrowdedParents } from "./crowded-parents.ts";

suite("a parent with much ready for one child", () => {
  test("keeps the earlier half; the later one comes from a holder whose link is free", () => {
    const { room, child } = crowd(40);
    room.holder("free", from(10, 50));
    leaveCrowdedParents(room.turn, room.group, child);
    assert.deepEqual(room.promised(child), { parent: from(0, 20), free: from(20, 20) });
  });

  test("keeps all while it is no more than two reports", () => {
    const { room, child } = crowd(31);
    room.holder("free", room.without());
    leaveCrowdedParents(room.turn, room.group, child);
    assert.deepEqual(room.promised(child), { parent: from(0, 31) });
  });

  test("keeps all where the others have something to send, less than half of it, or slow links", () => {
    const { room, child } = crowd(40);
    const busy = room.holder("busy", room.without());
    room.promise(room.peer("another"), busy, [3]);
    room.holder("poor", from(0, 25));
    room.holder("slow", room.without()).host.isSlow = true;
    leaveCrowdedParents(room.turn, room.group, child);
    assert.deepEqual(room.promised(child), { parent: from(0, 40) });
  });

  test("keeps all where the holder is in another zone", () => {
    const { room, child } = crowd(40);
    room.holder("far", room.without(), "rack-2");
    leaveCrowdedParents(room.turn, room.group, child);
    assert.deepEqual(room.promised(child), { parent: from(0, 40) });
  });
});

function crowd(pieces: number): { room: Room; child: ReturnType<Room["peer"]> } {
  const room = new Room(64);
  const parent = room.holder("parent", room.without());
  const child = room.peer("child");
  room.promise(child, parent, from(0, pieces));
  return { room, child };
}
