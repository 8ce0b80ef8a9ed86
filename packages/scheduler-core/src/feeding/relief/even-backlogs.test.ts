import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Room } from "../../../test/room.ts";
import { from } from "../../../test/script.ts";
import type { Member, Wanting } from "../../books/member.ts";
import { evenBacklogs } from "./even-backlogs.ts";

/** `behind` waits for 40 pieces of `crowded`, which owes `another` 20 more. */
function behind(): { room: Room; child: Wanting; crowded: Member } {
  const room = new Room(128);
  const crowded = room.holder("crowded", room.without());
  const child = reader(room, "behind", from(40, 88));
  room.promise(child, crowded, from(0, 40));
  room.promise(room.peer("another"), crowded, from(100, 20));
  return { room, child, crowded };
}

/** A peer that read a piece from the source. */
function reader(room: Room, name: string, pieces: readonly number[] = []): Wanting {
  const member = room.peer(name, pieces);
  member.peer.sourceProgressAt = room.now;
  return member;
}

suite("a reader of the source that waits longer for a shared link than for its own", () => {
  test("takes the later half from a member that owes little", () => {
    const { room, child } = behind();
    const holder = room.holder("holder", room.without());
    room.promise(room.peer("other"), holder, from(0, 10));
    evenBacklogs(room.turn, room.group, child);
    assert.deepEqual(room.promised(child), { crowded: from(0, 20), holder: from(20, 20) });
  });

  test("takes the last pieces of what such a member has by now", () => {
    const { room, child } = behind();
    room.holder("holder", from(0, 10));
    evenBacklogs(room.turn, room.group, child);
    assert.deepEqual(room.promised(child), { crowded: [...from(10, 30)], holder: from(0, 10) });
  });

  test("takes nothing where the link is its own, or other parents fill it", () => {
    const room = new Room(128);
    const [one, other] = [room.holder("one", room.without()), room.holder("other", room.without())];
    const alone = reader(room, "alone");
    room.promise(alone, one, from(0, 40));
    room.holder("free", room.without());
    evenBacklogs(room.turn, room.group, alone);
    assert.deepEqual(room.promised(alone), { one: from(0, 40) });
    room.promise(alone, other, from(40, 40));
    for (const [name, parent] of [
      ["left", one],
      ["right", other],
    ] as const)
      room.promise(room.peer(name), parent, from(0, 40));
    evenBacklogs(room.turn, room.group, alone);
    assert.deepEqual(room.promised(alone), { one: from(0, 40), other: from(40, 40) });
  });

  test("takes nothing from who owes as much, is slow, in another zone, or holds next to nothing of it", () => {
    const { room, child } = behind();
    const busy = room.holder("busy", room.without());
    room.promise(room.peer("waiting"), busy, from(0, 30));
    room.holder("slow", room.without()).host.isSlow = true;
    room.holder("far", room.without(), "rack-2");
    room.holder("poor", from(0, 3));
    evenBacklogs(room.turn, room.group, child);
    assert.deepEqual(room.promised(child), { crowded: from(0, 40) });
  });

  test("is a reader: who read nothing has its window filled otherwise", () => {
    const { room, child } = behind();
    room.holder("holder", room.without());
    child.peer.sourceProgressAt = 0;
    evenBacklogs(room.turn, room.group, child);
    assert.deepEqual(room.promised(child), { crowded: from(0, 40) });
  });

  test("takes nothing while the source is read, or where little is left", () => {
    const { room, child } = behind();
    room.holder("holder", room.without());
    const few = reader(room, "few", from(15, 113));
    room.promise(few, room.holder("crowded too", room.without()), from(0, 15));
    evenBacklogs(room.turn, room.group, few);
    assert.deepEqual(room.promised(few), { "crowded too": from(0, 15) });
    const another = room.peer("reader");
    another.peer.access = "own";
    room.read(another, [127]);
    evenBacklogs(room.turn, room.group, child);
    assert.deepEqual(room.promised(child), { crowded: from(0, 40) });
  });
});
