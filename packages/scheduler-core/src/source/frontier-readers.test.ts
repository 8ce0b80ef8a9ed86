import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Room } from "../../test/room.ts";
import { hedge } from "../feeding/hedge-piece.ts";
import { advanceFrontier } from "./source-frontier.ts";

suite("readers of the frontier", () => {
  test("who reads one piece because it was late elsewhere is dealt nothing else", () => {
    const room = new Room(64);
    const peers = ["a", "b", "c"].map((name) => room.peer(name));
    for (const { peer } of peers) peer.access = "caller";
    const [a, b, c] = peers;
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    hedge(room.turn, c, undefined, 5);
    advanceFrontier(room.turn, room.group);
    assert.deepEqual(room.promised(c)["source"], [5]);
    for (const reader of [a, b]) assert.ok(room.promised(reader)["source"] !== undefined, reader.host.id);
  });
});
