import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { SchedulerEffect } from "../effect.ts";
import { Script } from "../../test/script.ts";

suite("readers from whose source nothing comes any more", () => {
  test("one that stalls loses its stripes to another within two seconds and a half, while another one's source gives", () => {
    const script = begun();
    const owed = stripesOf(script, "a").slice(2);
    keepReading(script, "b", 2, 8);
    assert.deepEqual(script.said.filter(isRevoke), []);
    keepReading(script, "b", 8, 12);
    const rescued = [...stripesOf(script, "b"), ...stripesOf(script, "c")];
    assert.deepEqual(
      owed.filter((piece) => !rescued.includes(piece)),
      [],
    );
    assert.ok(script.said.some(isRevoke));
  });

  test("where every reader stalls it is the registry: nobody is asked for what another one reads", () => {
    const script = begun();
    const owed = stripesOf(script, "a").slice(2);
    const others = new Set(script.stripes(script.wait(4000)).flatMap(({ host: reader, pieces }) => (reader === "a" ? [] : pieces)));
    assert.deepEqual(
      owed.filter((piece) => others.has(piece)),
      [],
    );
  });

  test("a credential that is refused once loses all that its host was to read", () => {
    const script = begun();
    const owed = stripesOf(script, "a").slice(2);
    const first = script.stripes().find(({ host: reader }) => reader === "a");
    const effects = script.fail("a", first?.grant ?? 0, { code: "source-refused" });
    const rescued = script.stripes(effects).flatMap(({ host: reader, pieces }) => (reader === "a" ? [] : pieces));
    assert.deepEqual(
      owed.filter((piece) => !rescued.includes(piece)),
      [],
    );
  });
});

/** Three hosts, of which the first two read and have brought two pieces each. */
function begun(): Script {
  const script = new Script(256);
  for (const name of ["a", "b", "c"]) script.open(name);
  for (const name of ["a", "b"]) {
    script.wait(100);
    script.read(name, stripesOf(script, name).slice(0, 2));
  }
  return script;
}

function stripesOf(script: Script, reader: string): number[] {
  return script.stripes().flatMap(({ host, pieces }) => (host === reader ? pieces : []));
}

function isRevoke({ type }: SchedulerEffect): boolean {
  return type === "revoke-grant";
}

/** The reader brings the `from`-th piece of its stripes and further ones, one every quarter of a second. */
function keepReading(script: Script, reader: string, from: number, to: number): void {
  for (let at = from; at < to; at++) {
    script.wait(250);
    const next = stripesOf(script, reader)[at];
    assert.ok(next !== undefined, "the reader has more to read");
    script.read(reader, [next]);
  }
}
