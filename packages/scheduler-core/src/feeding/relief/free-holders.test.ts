import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Room } from "../../../test/room.ts";
import { host, Script } from "../../../test/script.ts";
import { takeFromFree } from "./free-holders.ts";

/** `h` holds everything and feeds three peers; then `i` comes, which holds everything too. */
function crowd(zones: Readonly<Record<string, string>> = {}): Script {
  const script = new Script(64);
  for (const name of ["h", "a", "b", "c", "i"])
    script.tell({ type: "host-joined", host: host(name), address: name, zone: zones[name] ?? "", seed: false });
  script.hold("h");
  for (const name of ["a", "b", "c"]) script.open(name, { access: "none" });
  script.hold("i");
  return script;
}

function takenBy(script: Script, name: string): number[] {
  const [piece = 0] = script.grants().find(({ host: child, from: parent }) => child === name && parent === "h")?.pieces ?? [];
  const grants = script.grants(script.got(name, [piece]));
  return grants.filter(({ from: parent }) => parent === "i").flatMap(({ pieces }) => pieces);
}

suite("holders that are free", () => {
  test("a peer with a part of a link takes some of what it is promised from a holder that came free", () => {
    const script = crowd();
    assert.ok(takenBy(script, "a").length > 0);
    assert.ok(
      script.said.some(({ type }) => type === "revoke-grant"),
      "it is not promised twice",
    );
  });

  test("the last piece of a peer does not wait for its turn at a crowded parent", () => {
    const room = new Room(64);
    const crowded = room.holder("crowded", room.without());
    const child = room.peer("child", room.without(3));
    room.promise(child, crowded, [3]);
    for (const name of ["one", "other"]) room.promise(room.peer(name, room.without(3)), crowded, [3]);
    room.holder("free", room.without());
    takeFromFree(room.turn, room.group, child);
    assert.deepEqual(room.promised(child), { free: [3] });
  });

  test("a peer that has a whole link takes nothing from elsewhere", () => {
    const script = new Script(64);
    script.hold("h");
    script.open("a", { access: "none" });
    const before = script
      .grants()
      .filter(({ from: parent }) => parent === "h")
      .flatMap(({ pieces }) => pieces);
    script.hold("i");
    const effects = script.got("a", before.slice(0, 1));
    assert.ok(!effects.some(({ type }) => type === "revoke-grant"));
  });

  test("nothing comes from another zone that is on its way within the own one", () => {
    assert.deepEqual(takenBy(crowd({ i: "eu-2" }), "a"), []);
    assert.ok(takenBy(crowd({ h: "eu-2", i: "eu-2" }), "a").length > 0);
  });
});
