import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Room } from "../../test/room.ts";
import { from } from "../../test/script.ts";
import type { Member } from "../books/member.ts";
import { selectParent } from "./select-parent.ts";

const SHAPE = { roots: 1, fanOut: 1 };

suite("which of two holders is asked", () => {
  test("the one that gave less so far", () => {
    const { room, fresh } = twoHolders();
    assert.equal(selectParent(room.turn, room.group, room.peer("child"), 200, SHAPE), fresh);
  });

  test("the other one as soon as that one owes a part of the difference: it does not make up for all at once", () => {
    const { room, fresh, generous } = twoHolders();
    room.promise(room.peer("first"), fresh, from(0, 7));
    assert.equal(selectParent(room.turn, room.group, room.peer("child"), 200, SHAPE), fresh);
    room.promise(room.peer("second"), fresh, from(0, 3));
    assert.equal(selectParent(room.turn, room.group, room.peer("another"), 200, SHAPE), generous);
  });

  test("one of its own zone, though another one gave less: what is there already does not cross a thin link again", () => {
    const { room } = twoHolders();
    const near = room.holder("near", room.without(), "rack-1");
    near.givenBytes = 500 * room.swarm.pieceBytes;
    assert.equal(selectParent(room.turn, room.group, room.peer("child", [], "rack-1"), 200, SHAPE), near);
  });
});

/** Two that hold everything; one of them has given 160 pieces more. */
function twoHolders(): { readonly room: Room; readonly fresh: Member; readonly generous: Member } {
  const room = new Room(256);
  const [generous, fresh] = ["a", "b"].map((name) => room.holder(name, room.without()));
  assert.ok(generous !== undefined && fresh !== undefined);
  generous.givenBytes = 160 * room.swarm.pieceBytes;
  return { room, fresh, generous };
}
