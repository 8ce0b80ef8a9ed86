import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { host, only, Script } from "../../test/script.ts";

/** After how long the grants that `parent` has with `child` are taken back, looked at every half second for so long. */
function givenUpAfter(script: Script, child: string, parent: string, mostMs: number): number | undefined {
  const open = new Set(script.grants().flatMap((grant) => (grant.host === host(child) && grant.from === parent ? [grant.grant] : [])));
  assert.ok(open.size > 0, `${parent} is asked`);
  for (let waited = 500; waited <= mostMs; waited += 500) {
    const revoked = only(script.wait(500), "revoke-grant");
    if (revoked.some(({ grant }) => open.has(grant))) return waited;
  }
  return undefined;
}

suite("late pieces", () => {
  test("a parent that says it holds pieces and gave nobody any is given up after two seconds, a piece's time and a look", () => {
    const script = new Script(16);
    script.hold("liar");
    script.open("a");
    const after = givenUpAfter(script, "a", "liar", 20_000) ?? assert.fail();
    assert.ok(after > 3000 && after <= 7500, String(after));
    assert.ok(script.stripes().length > 0, "the source is read instead");
  });

  test("one that gave some has ten seconds", () => {
    const script = new Script(16);
    script.hold("b");
    script.open("a");
    const [first] = script.grants().find(({ from: parent }) => parent === "b")?.pieces ?? [];
    assert.ok(first !== undefined);
    script.got("a", [first]);
    const after = givenUpAfter(script, "a", "b", 20_000) ?? assert.fail();
    assert.ok(after > 11_000 && after <= 15_500, String(after));
  });

  test("one whose child reports nothing meanwhile has ten seconds, for pieces wait for their report; one whose child does, not", () => {
    const patienceWith = (reports: boolean): number => {
      const script = new Script(64);
      script.hold("b");
      script.hold("c");
      script.open("a");
      const [first, second] = script.grants().find(({ from: parent }) => parent === "b")?.pieces ?? [];
      assert.ok(first !== undefined && second !== undefined);
      script.got("a", [first]);
      script.wait(5500);
      if (reports) script.got("a", [second]);
      return 5500 + (givenUpAfter(script, "a", "c", 20_000) ?? assert.fail());
    };
    const silent = patienceWith(false);
    assert.ok(silent > 11_000 && silent <= 15_500, String(silent));
    assert.ok(patienceWith(true) <= 9500);
  });

  test("one that holds nothing yet is waited for: it is promised itself", () => {
    const script = new Script(16);
    script.open("a");
    script.open("b");
    const reader = script.stripes()[0]?.host ?? assert.fail();
    const child = reader === host("a") ? "b" : "a";
    assert.ok(script.grants().some((grant) => grant.host === host(child) && grant.from === reader));
    const before = script.said.length;
    script.wait(3000);
    assert.deepEqual(
      only(script.said.slice(before), "revoke-grant").filter((effect) => effect.host === host(child)),
      [],
    );
  });
});
