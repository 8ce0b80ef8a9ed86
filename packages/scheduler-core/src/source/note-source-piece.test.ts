import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Room } from "../../test/room.ts";
import { noteSourcePiece } from "./note-source-piece.ts";

/** What a registry's first byte is thought to take when a stripe's pieces came after so many milliseconds each. */
function firstByteAfter(...pieceMs: readonly number[]): number | undefined {
  const room = new Room(64);
  const reader = room.peer("reader");
  reader.peer.access = "caller";
  room.registry.firstByteMs = 0;
  room.registry.connections.bytesPerMs = room.swarm.pieceBytes / 800;
  room.read(
    reader,
    pieceMs.map((_, piece) => piece),
  );
  for (const [piece, ms] of pieceMs.entries()) {
    const grant = reader.peer.promised[piece] ?? assert.fail();
    room.now += ms;
    noteSourcePiece(room.turn, room.group, reader, grant);
    grant.progressAt = reader.peer.sourceProgressAt = room.now;
    room.group.hold(reader, piece);
    grant.left -= 1;
  }
  return room.registry.firstByteMs;
}

suite("how long a registry takes for its first byte", () => {
  test("a piece that came a fifth or a third later than others of its connection did is noise", () => {
    assert.equal(firstByteAfter(960), 0);
    assert.equal(firstByteAfter(1060, 800), 0);
  });

  test("where the first piece took twice as long as the second one it was the registry", () => {
    assert.equal(firstByteAfter(1600), 200, "a quarter of it at a time");
    assert.equal(firstByteAfter(1600, 800), 200);
  });
});
