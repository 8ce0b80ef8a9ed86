import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { learnBudget, newBudget, noteRequest, requestsFrom, requestsLeft } from "./request-budget.ts";

suite("the request budget of a registry", () => {
  test("a registry nobody knows a limit of may be asked as often as one likes", () => {
    const budget = newBudget();
    noteRequest(budget, 1000);
    assert.equal(requestsLeft(budget, 0, 1000), Infinity);
    assert.equal(requestsFrom(budget, 0, 1000), 1000);
  });

  test("in no minute are there more requests than it was said to bear", () => {
    const budget = newBudget();
    const asked: number[] = [];
    for (let now = 500; now < 200_000; now += 250) {
      if (requestsLeft(budget, 10, now) === 0) continue;
      noteRequest(budget, now);
      asked.push(now);
    }
    for (const first of asked) assert.ok(asked.filter((at) => at >= first && at < first + 60_000).length <= 10);
    assert.ok(asked.length >= 25, "what may be asked is asked");
  });

  test("who may not ask is told when it may", () => {
    const budget = newBudget();
    for (const at of [1500, 30_000]) noteRequest(budget, at);
    assert.equal(requestsFrom(budget, 2, 40_000), 62_000);
    assert.equal(requestsLeft(budget, 2, 61_999), 0);
    assert.equal(requestsLeft(budget, 2, 62_000), 1);
  });

  test("a refusal tells what it bears, and is forgotten after ten minutes", () => {
    const budget = newBudget();
    for (let request = 0; request < 60; request++) noteRequest(budget, 1000 + 500 * request);
    learnBudget(budget, 30_000, 31_000);
    assert.equal(requestsLeft(budget, 0, 31_000), 0);
    assert.equal(requestsLeft(budget, 0, 120_000), 54);
    assert.equal(requestsLeft(budget, 0, 631_000), Infinity);
  });

  test("a registry that wants a pause of two seconds has them, and no more", () => {
    const budget = newBudget();
    for (let request = 0; request < 60; request++) noteRequest(budget, 1000 + 10 * request);
    learnBudget(budget, 2000, 1600);
    assert.equal(requestsLeft(budget, 0, 3600), Infinity);
  });

  test("a registry that refuses the third request is in trouble: that is no budget", () => {
    const budget = newBudget();
    for (const at of [1000, 2000, 3000]) noteRequest(budget, at);
    learnBudget(budget, 30_000, 3000);
    assert.equal(requestsLeft(budget, 0, 3000), Infinity);
  });
});
