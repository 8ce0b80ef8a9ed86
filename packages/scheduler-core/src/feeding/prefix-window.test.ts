import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { PIECE_HASH_BYTES } from "@darner/domain";
import { Room } from "../../test/room.ts";
import { from } from "../../test/script.ts";
import { give } from "../books/grant-book.ts";
import { isSpreading, isStreamed, usualWindow, windowPieces } from "./prefix-window.ts";

const MIB = 1024 * 1024;

suite("how much of what is ready a peer is promised", () => {
  test("16 MiB while its rate is unknown, a second of it where it is known, less what is ready for it already", () => {
    const room = new Room(1024);
    const holder = room.holder("holder", room.without());
    const peer = room.peer("peer");
    assert.equal(room.swarm.pieceBytes, MIB);
    assert.equal(windowPieces(room.turn, peer), 16);
    peer.host.fromPeers.bytesPerSecond = 100 * MIB;
    assert.equal(usualWindow(room.turn, peer), 100);
    room.promise(peer, holder, from(0, 40));
    assert.equal(windowPieces(room.turn, peer), 60);
  });

  test("four pieces where they are long", () => {
    const room = new Room(64);
    Object.assign(room.swarm, { pieceBytes: 64 * MIB });
    assert.equal(usualWindow(room.turn, room.peer("peer")), 4);
  });

  test("nothing besides what spreads to it, and four pieces where the link brings more than the source gives", () => {
    const room = new Room(256);
    const [reader, peer] = [room.peer("reader"), room.peer("peer")];
    give(room.turn, { child: reader, parent: undefined, pieces: from(0, 8), unit: true });
    room.promise(peer, reader, from(0, 8));
    assert.equal(isSpreading(room.turn, room.group), true);
    assert.equal(isStreamed(room.turn, peer), true);
    assert.equal(windowPieces(room.turn, peer), 0);
    reader.host.fromSource.bytesPerSecond = 10 * MIB;
    peer.host.fromPeers.bytesPerSecond = 12 * MIB;
    assert.equal(windowPieces(room.turn, peer), 0);
    peer.host.fromPeers.bytesPerSecond = 13 * MIB;
    assert.equal(windowPieces(room.turn, peer), 4);
    room.group.hold(reader, 0);
    assert.equal(windowPieces(room.turn, peer), 3);
  });

  test("as usual where pieces spread to others only", () => {
    const room = new Room(256);
    const [reader, peer] = [room.peer("reader"), room.peer("peer")];
    give(room.turn, { child: reader, parent: undefined, pieces: from(0, 8), unit: true });
    assert.equal(isStreamed(room.turn, peer), false);
    assert.equal(windowPieces(room.turn, peer), usualWindow(room.turn, peer));
  });

  test("pieces spread until most of those who are to get the last one have it, and ten seconds at most", () => {
    const room = new Room(256);
    const [reader, one, other] = [room.peer("reader"), room.peer("one"), room.peer("other")];
    assert.equal(isSpreading(room.turn, room.group), false);
    room.group.learn([{ piece: 255, hash: new Uint8Array(PIECE_HASH_BYTES) }]);
    room.group.learntAt = room.now;
    room.group.hold(reader, 255);
    for (const child of [one, other]) room.promise(child, reader, [255]);
    assert.equal(isSpreading(room.turn, room.group), true);
    room.now += 10_001;
    assert.equal(isSpreading(room.turn, room.group), false);
    room.now -= 10_001;
    room.group.hold(one, 255);
    assert.equal(isSpreading(room.turn, room.group), false);
  });
});
