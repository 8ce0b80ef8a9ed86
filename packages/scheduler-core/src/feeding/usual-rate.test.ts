import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Room } from "../../test/room.ts";
import { from } from "../../test/script.ts";
import type { Wanting } from "../books/member.ts";
import { advanceFrontier } from "../source/source-frontier.ts";
import { demoteSlow } from "./slow-links.ts";

const REPORT = 16;
const NAMES = ["a", "b", "c", "d", "e", "f"];

suite("what is usual in a swarm that a slow host starves", () => {
  test("the rate there was before counts: who sends a fraction of it is slow though all receive as little", () => {
    const { room, parent, look } = starved();
    room.group.usualRate = REPORT / 1000;
    look();
    assert.equal(parent.host.isSlow, false, "one look shows nothing");
    look();
    assert.equal(parent.host.isSlow, true);
  });

  test("where it never was faster nobody is slow", () => {
    const { parent, look } = starved();
    look();
    look();
    assert.equal(parent.host.isSlow, false);
  });
});

suite("a reader whose link is slow", () => {
  test("is given no more stripes where another one may read, and goes on where none may", () => {
    for (const access of ["caller", "none"] as const) {
      const room = new Room(256);
      const [slow, other] = [room.peer("a"), room.peer("b")];
      slow.peer.access = "caller";
      advanceFrontier(room.turn, room.group);
      assert.equal(slow.peer.stripes, 1);
      other.peer.access = access;
      slow.host.isSlow = true;
      for (const grant of slow.peer.grants.values()) assert.equal(grant.parent, undefined);
      advanceFrontier(room.turn, room.group);
      assert.equal(slow.peer.stripes, 1);
      assert.equal(other.peer.stripes > 0, access === "caller");
    }
  });
});

/** Six peers of whom one has twenty pieces ready for each of its children in the trees, and sends each of them two at every look. */
function starved(): { room: Room; parent: Wanting; look: () => void } {
  const room = new Room(256);
  const peers = NAMES.map((name) => room.peer(name));
  const childrenOf = (parent: Wanting): Wanting[] =>
    peers.filter((child) => room.group.trees.trees.some((tree) => tree.parentOf(child) === parent));
  const parent = peers.find((each) => childrenOf(each).length >= 2) ?? peers[0];
  assert.ok(parent !== undefined);
  for (const piece of from(0, 20)) room.group.hold(parent, piece);
  for (const child of childrenOf(parent)) room.promise(child, parent, from(0, 20));
  for (const { flow } of peers) flow.isMeasured = true;
  const look = (): void => {
    room.group.flowSince = room.now;
    room.now += 1000;
    for (const { flow } of peers) {
      flow.received += 2;
      flow.isHeard = true;
    }
    parent.flow.sent += 4;
    room.group.flowed = REPORT * peers.length;
    demoteSlow(room.turn, room.group);
  };
  return { room, parent, look };
}
