import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { propertySeed } from "../../test/property-seed.ts";
import { SignOrder } from "./sign-order.ts";

type Giver = { readonly name: number; before: Giver | undefined; after: Giver | undefined };

const GIVERS = 6;

test("the order of signs is that of a list in which who gives a sign moves to the front", () => {
  const step = fc.record({ what: fc.constantFrom("add", "renew", "remove"), name: fc.nat(GIVERS - 1) });
  const holds = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const order = new SignOrder<Giver>();
    const givers = Array.from({ length: GIVERS }, (_, name): Giver => ({ name, before: undefined, after: undefined }));
    let list: number[] = [];
    for (const { what, name } of steps) {
      const giver = givers[name];
      // Only what is not there is added, and only what is there gives signs or goes.
      if (giver === undefined || list.includes(name) === (what === "add")) continue;
      order[what](giver);
      list = list.filter((other) => other !== name);
      if (what !== "remove") list.unshift(name);
      assert.deepEqual(namesOf(order), list);
    }
    for (const { name, before, after } of givers)
      if (!list.includes(name)) assert.deepEqual([before, after], [undefined, undefined], "who went leads nowhere");
  });
  fc.assert(holds, { seed: propertySeed() });
});

function namesOf(order: SignOrder<Giver>): number[] {
  const names: number[] = [];
  for (let at = order.latest; at !== undefined; at = at.before) names.push(at.name);
  return names;
}
