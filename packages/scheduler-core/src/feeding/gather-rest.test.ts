import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Room } from "../../test/room.ts";
import type { Wanting } from "../books/member.ts";
import { notePiece } from "../happenings/membership.ts";
import { gatherRest } from "./gather-rest.ts";

const PIECES = 32;

/** A blob that `reader` has just read; another one holds the later half of it. */
function afterReading(): { readonly room: Room; readonly reader: Wanting; readonly other: Wanting } {
  const room = new Room(PIECES);
  const reader = room.peer("reader");
  room.read(reader, [0]);
  for (const piece of room.without()) notePiece(room.turn, reader, piece);
  return { room, reader, other: room.peer("other", room.without().slice(PIECES / 2)) };
}

function piecesOf(room: Room, child: Wanting): number[] {
  return Object.values(room.promised(child))
    .flat()
    .sort((one, other) => one - other);
}

suite("what was read before a peer came", () => {
  test("is gathered with the scarcest first, no more than fills the link until the next report", () => {
    const { room } = afterReading();
    const late = room.peer("late");
    assert.ok(gatherRest(room.turn, room.group, late));
    assert.deepEqual(room.promised(late), { reader: [0, 1, 2, 3] });
  });

  test("comes from who has least to send, also where that one is only promised the piece", () => {
    const { room, reader } = afterReading();
    const [one, two] = [room.peer("one", room.without().slice(8)), room.peer("two", room.without().slice(8))];
    room.promise(one, reader, room.without().slice(0, 8));
    gatherRest(room.turn, room.group, two);
    assert.deepEqual(room.promised(two), { one: [0, 1, 2, 3] });
    const last = room.peer("last", room.without().slice(0, PIECES - 2));
    gatherRest(room.turn, room.group, last);
    assert.deepEqual(room.promised(last), { other: [30], two: [31] });
  });

  test("is not asked of a slow link while another one has it", () => {
    const { room, other } = afterReading();
    const late = room.peer("late", room.without().slice(0, PIECES / 2));
    other.host.isSlow = true;
    gatherRest(room.turn, room.group, late);
    assert.deepEqual(Object.keys(room.promised(late)), ["reader"]);
  });

  test("is left to the trees where nothing was read, something is still to be, little is held, or there are zones", () => {
    const warm = new Room(PIECES);
    warm.holder("holder", warm.without());
    assert.equal(gatherRest(warm.turn, warm.group, warm.peer("late")), false);

    const cold = new Room(PIECES);
    cold.read(cold.peer("reader", cold.without(30, 31)), [30]);
    assert.equal(gatherRest(cold.turn, cold.group, cold.peer("late")), false);

    const { room } = afterReading();
    for (let empty = 0; empty < 4; empty++) room.peer(`empty-${String(empty)}`);
    assert.equal(gatherRest(room.turn, room.group, room.peer("late")), false);

    const far = afterReading().room;
    assert.equal(gatherRest(far.turn, far.group, far.peer("late", [], "eu-2")), false);
  });

  test("is all gathered in the end", () => {
    const { room } = afterReading();
    const late = room.peer("late");
    for (let round = 0; round < PIECES && !late.have.isFull; round++) {
      gatherRest(room.turn, room.group, late);
      const pieces = piecesOf(room, late);
      assert.ok(pieces.length > 0);
      for (const piece of pieces) notePiece(room.turn, late, piece);
    }
    assert.ok(late.have.isFull);
  });
});
