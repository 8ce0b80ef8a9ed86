import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Room } from "../../test/room.ts";
import { hedge } from "../feeding/hedge-piece.ts";
import { advanceFrontier } from "./source-frontier.ts";

suite("readers of the frontier", () => {
  test("who reads one piece because it was late elsewhere is dealt nothing else where other blobs are read, too", () => {
    assert.deepEqual(dealtAfterHedge(1), [5]);
    assert.ok(dealtAfterHedge(0).length > 1);
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
