import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import { test } from "node:test";
import { noLeaks } from "@darner/testkit";
import { Slices, type Worker } from "./slices.ts";

noLeaks();

/** A clock that goes on by a millisecond with every piece of work. */
class WorkClock {
  ms = 0;

  now(): number {
    return this.ms;
  }
}

/** Has so many messages to hear, and notes in what order things are done. */
class Scripted implements Worker {
  readonly #name: string;
  readonly #clock: WorkClock;
  readonly #done: string[];
  left: number;

  constructor(name: string, left: number, clock: WorkClock, done: string[]) {
    this.#name = name;
    this.left = left;
    this.#clock = clock;
    this.#done = done;
  }

  hearOne(): boolean {
    this.#work("hears");
    this.left -= 1;
    return this.left > 0;
  }

  say(): void {
    this.#work("says");
  }

  #work(what: string): void {
    this.#clock.ms += 1;
    this.#done.push(`${this.#name} ${what}`);
  }
}

test("sessions are heard in turns, one message each, whoever has more to say", async () => {
  const [clock, done] = [new WorkClock(), [] as string[]];
  const slices = new Slices(clock);
  for (const worker of [new Scripted("a", 3, clock, done), new Scripted("b", 1, clock, done)]) slices.hear(worker);
  await nextTurn();
  assert.deepEqual(done, ["a hears", "b hears", "a hears", "a hears"]);
});

test("what somebody waits for is said before what nobody does, once, and nothing is said of a session that is over", async () => {
  const [clock, done] = [new WorkClock(), [] as string[]];
  const slices = new Slices(clock);
  const [a, b, c] = [new Scripted("a", 0, clock, done), new Scripted("b", 0, clock, done), new Scripted("c", 0, clock, done)];
  slices.say(a, "ahead");
  slices.say(b, "later");
  slices.say(c, "awaited");
  slices.say(b, "awaited");
  slices.say(b, "ahead");
  slices.leave(a);
  await nextTurn();
  assert.deepEqual(done, ["c says", "b says"]);
});

test("who asks while a thousand are dealt what is for later waits for a few of them, and they get on all the same", async () => {
  const [clock, done] = [new WorkClock(), [] as string[]];
  const slices = new Slices(clock);
  for (let at = 0; at < 1000; at += 1) slices.say(new Scripted("crowd", 0, clock, done), at % 2 === 0 ? "ahead" : "later");
  await nextTurn();
  const before = done.length;
  for (let at = 0; at < 20; at += 1) slices.say(new Scripted("asking", 0, clock, done), "awaited");
  await nextTurn();
  const [first, ...turn] = done.slice(before);
  assert.ok(before < 40 && first === "asking says", `${String(before)} of the crowd came first`);
  assert.ok(turn.includes("crowd says"), "the crowd gets on");
});

test("the event loop goes on before all is done, and what is to be said does not wait for all that is to be heard", async () => {
  const [clock, done] = [new WorkClock(), [] as string[]];
  const slices = new Slices(clock);
  const crowd = Array.from({ length: 100 }, (_, at) => new Scripted(String(at), 1, clock, done));
  const speaker = new Scripted("speaker", 0, clock, done);
  for (const worker of crowd) slices.hear(worker);
  slices.say(speaker, "awaited");
  await nextTurn();
  assert.ok(done.length < 50, `${String(done.length)} ms of work in one turn`);
  assert.ok(done.indexOf("speaker says") < 10, "it did not wait for all of them");
  for (let turn = 0; turn < 10; turn += 1) await nextTurn();
  assert.equal(done.length, 101, "all of it is done in the end");
});
