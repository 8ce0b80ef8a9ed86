import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Script } from "../../test/script.ts";

suite("between zones", () => {
  for (const [where, takes] of [
    ["its own zone", true],
    ["another zone", false],
  ] as const) {
    test(`a needed piece that its parent does not have yet is ${takes ? "" : "not "}taken from holders in ${where}`, () => {
      const script = new Script(8);
      script.joinIn("near", "a", "b");
      script.joinIn(takes ? "near" : "far", "h", "i");
      script.open("a");
      script.open("b", { access: "none" });
      script.hold("h", [0]);
      script.hold("i", [0]);
      const taken = script.grants(script.need("b", 0)).filter(({ host }) => host === "b");
      assert.deepEqual(
        taken.filter(({ pieces }) => pieces.includes(0)).map(({ from }) => from),
        takes ? ["h"] : [],
      );
    });
  }
});
