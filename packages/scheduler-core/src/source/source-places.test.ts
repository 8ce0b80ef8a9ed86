import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { learnPlaces, newPlaces, takeBackPlaces, type SourcePlaces } from "./source-places.ts";

const PIECE = 262_144;
const LINK_PER_MS = 3125;

suite("how many stripes are read at once while blobs take turns", () => {
  test("where each connection brings a tenth of the link there are ten soon, and as many for who comes later", () => {
    const places = newPlaces();
    play(places, { limit: LINK_PER_MS / 10 });
    assert.ok(places.count >= 10 && places.count <= 16, String(places.count));
    assert.equal(places.before, undefined);
  });

  test("where two fill the link nothing is tried: hosts pass pieces on no faster than they come", () => {
    const places = newPlaces();
    const most = play(places, { limit: Infinity });
    assert.deepEqual([places.count, most], [2, 2]);
  });

  test("where the registry has the thinner link what was tried is taken back, and tried again after twice as long each time", () => {
    const places = newPlaces();
    const most = play(places, { limit: Infinity, linksPerMs: 4 * LINK_PER_MS, pieces: 400 });
    assert.ok(most >= 8, String(most));
    assert.ok(places.restMs >= 20_000, String(places.restMs));
    play(places, { limit: Infinity, pieces: 20 });
    assert.equal(places.count, 2);
  });

  test("no more than the registry may bear", () => {
    const places = newPlaces();
    assert.equal(play(places, { limit: LINK_PER_MS / 10, bears: 6 }), 6);
  });

  test("a read that the registry let down takes back what is tried, and half of what was shown", () => {
    const places = newPlaces();
    play(places, { limit: LINK_PER_MS / 10, pieces: 9 });
    assert.ok(places.before !== undefined && places.count > 2);
    takeBackPlaces(places, 0);
    assert.deepEqual([places.count, places.before], [2, undefined]);
    places.count = 12;
    takeBackPlaces(places, 0);
    assert.equal(places.count, 6);
  });
});

type Registry = {
  /** What one connection brings at most, bytes a millisecond. */
  readonly limit: number;
  readonly linksPerMs?: number;
  readonly bears?: number;
  readonly pieces?: number;
};

/** Pieces come as fast as so many connections bring them; gives back the most there were. */
function play(places: SourcePlaces, { limit, linksPerMs = LINK_PER_MS, bears = 32, pieces = 200 }: Registry): number {
  let most = 0;
  for (let now = 0, piece = 0; piece < pieces; piece++) {
    now += PIECE / Math.min(LINK_PER_MS, places.count * limit);
    learnPlaces(places, { bytes: PIECE, linksPerMs, most: bears }, now);
    most = Math.max(most, places.count);
  }
  return most;
}
