import assert from "node:assert/strict";
import { test } from "node:test";
import { Mailbox } from "./mailbox.ts";
import type { Core } from "./mailbox.ts";
import { StoppedClock } from "./stopped-clock.ts";

/** A core that answers `n` with the effect `n`, and wants to be woken at a time it can be told. */
class Echo implements Core<string, string> {
  readonly handled: [string, number][] = [];
  deadline: number | undefined;

  handle(event: string, now: number): string[] {
    this.handled.push([event, now]);
    if (event === "time-passed") this.deadline = undefined;
    return [event];
  }

  nextDeadline(): number | undefined {
    return this.deadline;
  }
}

test("an event that arises while effects are carried out is handled after them, before post returns", () => {
  const core = new Echo();
  const order: string[] = [];
  using mailbox = new Mailbox<string, string>(core, new StoppedClock(), "time-passed", ([effect = ""]) => {
    order.push(`begin ${effect}`);
    if (effect === "first") mailbox.post("second");
    order.push(`end ${effect}`);
  });
  mailbox.post("first");
  assert.deepEqual(order, ["begin first", "end first", "begin second", "end second"]);
});

test("the core is woken at its deadline and not after the end", () => {
  const core = new Echo();
  const clock = new StoppedClock();
  const mailbox = new Mailbox<string, string>(core, clock, "time-passed", () => {});
  core.deadline = 50;
  mailbox.post("a");
  clock.advance(49);
  assert.equal(core.handled.length, 1);
  clock.advance(1);
  assert.deepEqual(core.handled.at(-1), ["time-passed", 50]);
  assert.equal(clock.pending, 0);
  core.deadline = 90;
  mailbox.post("b");
  mailbox[Symbol.dispose]();
  assert.equal(clock.pending, 0);
  mailbox.post("c");
  assert.equal(core.handled.length, 3);
});
