import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { SchedulerEffect } from "./effect.ts";
import { host, only, Script } from "../test/script.ts";

/** A blob of four pieces that `a` and `b` wait for; gives back who reads it, and who waits for that one. */
function begun(script: Script): { readonly reader: string; readonly child: string } {
  script.open("a");
  script.open("b", { access: "none" });
  const [stripe] = script.stripes();
  assert.ok(stripe !== undefined);
  const reader = stripe.host === host("a") ? "a" : "b";
  return { reader, child: reader === "a" ? "b" : "a" };
}

function assured(effects: readonly SchedulerEffect[], name: string): number {
  return only(effects, "tell-standing").filter((effect) => effect.host === host(name) && effect.standing === "fed").length;
}

suite("telling peers again that pieces will come", () => {
  test("who holds nothing is told every six seconds or so while pieces spread", () => {
    const script = new Script(64);
    const { reader, child } = begun(script);
    let told = 0;
    for (let second = 1; second <= 30; second++) {
      const effects = script.wait(1000);
      told += assured(effects, child);
      if (second % 3 === 0) script.read(reader, [second / 3]);
      if (second === 5) assert.equal(told, 0);
    }
    assert.ok(told >= 3 && told <= 5, String(told));
  });

  test("nothing is said where nothing moves: a host has to find out for itself that it waits in vain", () => {
    const script = new Script(64);
    const { child } = begun(script);
    assert.equal(assured(script.wait(60_000), child), 0);
  });

  test("who reports pieces is told nothing besides, nor is a preheat", () => {
    const script = new Script(64);
    const { reader, child } = begun(script);
    script.open("c", { access: "none", preheat: true });
    for (let second = 0; second < 30; second++) {
      const effects = script.wait(1000);
      assert.equal(assured(effects, child) + assured(effects, "c"), 0);
      script.read(reader, [second]);
      if (second % 8 === 5) script.got(child, [second - 1]);
      else if (second < 5) script.got(child, [second]);
    }
  });

  test("who holds something is told after nine seconds: its reports wait for others", () => {
    const script = new Script(64);
    const { reader, child } = begun(script);
    script.read(reader, [0]);
    script.got(child, [0]);
    const said: number[] = [];
    for (let second = 1; second <= 12; second++) {
      if (assured(script.wait(1000), child) > 0) said.push(second);
      script.read(reader, [second]);
    }
    assert.equal(said.length, 1);
    assert.ok((said[0] ?? 0) >= 9 && (said[0] ?? 0) <= 11, String(said));
  });
});
