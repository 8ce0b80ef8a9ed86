import assert from "node:assert/strict";
import { test } from "node:test";
import type { Caller } from "@darner/mirror";
import type { PublicFact } from "@darner/protocol";
import { Secret } from "@darner/runtime";
import { noLeaks, StoppedClock } from "@darner/testkit";
import { Rights } from "./rights.ts";

noLeaks();

const CONFIG = { mode: "upstream", grantSeconds: 300, publicSeconds: 900, graceSeconds: 3600 } as const;
const NOON = Date.UTC(2026, 0, 1, 12);
const repository = { registry: "harbor.corp", name: "team/app" };

function jwt(claims: object): Caller {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return { authorization: new Secret(`Bearer ${part({ alg: "RS256" })}.${part(claims)}.c2lnbmF0dXJl`) };
}

test("a token that says when it ends ends the grant, in the grace too; it makes no grant longer", () => {
  const clock = new StoppedClock();
  const rights = new Rights(CONFIG, clock, () => NOON + clock.now());
  const short = jwt({ exp: NOON / 1000 + 60 });
  const long = jwt({ exp: NOON / 1000 + 86_400 });
  for (const caller of [short, long]) rights.proveCaller(repository, caller);
  clock.advance(59_000);
  assert.equal(rights.of(repository, short), "caller");
  clock.advance(1000);
  assert.equal(rights.of(repository, short), undefined);
  assert.equal(rights.of(repository, short, true), undefined);
  clock.advance(240_000);
  assert.equal(rights.of(repository, long), undefined);
  assert.equal(rights.of(repository, long, true), "caller");
});

test("what one member found out, others know with its age; a no that came later takes it back everywhere", () => {
  const clock = new StoppedClock();
  const [here, there] = [new Rights(CONFIG, clock), new Rights(CONFIG, clock)];
  const told: PublicFact[] = [];
  here.onFound = (fact) => {
    told.push(fact);
    there.learn(fact);
  };
  here.provePublic(repository);
  assert.equal(there.of(repository, {}), "public");
  there.learn({ repository: { registry: "r.corp", name: "old" }, ageMs: 800_000, isPublic: true });
  clock.advance(100_000);
  assert.equal(there.of({ registry: "r.corp", name: "old" }, {}), undefined);
  assert.deepEqual([...there.found()], [], "only who asked the registry tells a new scheduler");
  assert.deepEqual([...here.found()], [{ repository, ageMs: 100_000, isPublic: true }]);
  here.revokePublic(repository);
  here.revokePublic(repository);
  assert.equal(there.of(repository, {}), undefined);
  assert.equal(told.length, 2, "a no to what was never open is nobody's news");
  there.learn({ repository, ageMs: 50_000, isPublic: true });
  here.provePublic(repository);
  there.learn({ repository, ageMs: 10_000, isPublic: false });
  assert.equal(there.of(repository, {}), "public", "an old no does not take a younger yes");
});

test("a flood of credentials and of repositories is forgotten from its beginning, in tables that stay as large as they are", () => {
  const clock = new StoppedClock();
  const rights = new Rights(CONFIG, clock);
  rights.provePublic(repository);
  for (let number = 0; number < 60_000; number += 1)
    rights.proveCaller(repository, { authorization: new Secret(`Bearer ${String(number)}`) });
  assert.deepEqual(rights.sizes, { grants: 50_000, public: 1 });
  assert.equal(rights.of(repository, {}), "public", "no flood of credentials drives out what everybody needs");
  assert.equal(rights.of({ ...repository, name: "x" }, { authorization: new Secret("Bearer 59999") }), undefined);
  for (let number = 0; number < 30_000; number += 1) rights.provePublic({ registry: "r.corp", name: String(number) });
  assert.equal(rights.sizes.public, 20_000);
});
