import assert from "node:assert/strict";
import { test } from "node:test";
import { readArguments } from "../bench/swarm/arguments.ts";
import { boundSeconds, goodput } from "../bench/swarm/bound.ts";
import { figuresOf, violations } from "../bench/swarm/figures.ts";
import type { Measured } from "../bench/swarm/measure.ts";
import { picture } from "../bench/swarm/picture.ts";
import { reportPage, tableText } from "../bench/swarm/report.ts";
import type { CaseResult } from "../bench/swarm/run-case.ts";
import { USUAL } from "../bench/swarm/swarm-case.ts";

const measured = (seconds: readonly number[], change: Partial<Measured> = {}): Measured => ({
  seconds,
  ok: true,
  trouble: "",
  copies: 1,
  fallbacks: 0,
  cpu: { parts: { mirrors: { user: 1, system: 1 } }, elsewhere: 1, utilisation: 0.5 },
  cpuPerGigabyte: 6,
  ...change,
});

const result = (swarm: readonly Measured[]): CaseResult => ({
  plan: { ...USUAL, goal: { overUnit: 1.15 } },
  mirror: "Darner",
  congestion: "reno",
  boundSeconds: 5.6,
  unit: [measured([5]), measured([5.2]), measured([4.8])],
  straight: [measured([40])],
  alone: [],
  swarm,
  digestsRight: true,
});

test("the bound for equal links is S/B · (1 + log2(N)/P), payload over payload", () => {
  const seconds = (64 * 1024 ** 2 * 8) / (100e6 * goodput(1500));
  assert.ok(Math.abs(boundSeconds(USUAL) - seconds * (1 + 3 / 256)) < 1e-9);
});

test("a slow registry sets the bound, and so do slow nodes", () => {
  const size = 64 * 1024 ** 2 * 8;
  const slowRegistry = boundSeconds({ ...USUAL, registryRate: 25e6 });
  const slowNodes = boundSeconds({ ...USUAL, rate: 25e6 });
  for (const bound of [slowRegistry, slowNodes])
    assert.ok(bound >= size / (25e6 * goodput(1500)) && bound < (1.02 * size) / (25e6 * goodput(1500)));
});

test("ratios are of medians, and a run that filled the machine is invalid, not failed", () => {
  const figures = figuresOf(result([measured([5.1, 5.5]), measured([5, 9]), measured([5, 5.4])]));
  assert.equal(figures.overUnit, 5.5 / 5);
  assert.equal(figures.goalMet, true);
  const full = { cpu: { parts: {}, elsewhere: 11, utilisation: 0.99 } };
  const busy = result([measured([9], full)]);
  assert.deepEqual({ valid: figuresOf(busy).isValid, goal: figuresOf(busy).goalMet }, { valid: false, goal: undefined });
  assert.deepEqual(violations(busy), []);
});

test("how much faster than one connection a node alone has to be is part of the goal", () => {
  const limited = (alone: number): CaseResult => ({
    ...result([measured([5])]),
    plan: { ...USUAL, goal: { speedUp: 4 } },
    alone: [measured([alone])],
  });
  assert.deepEqual([figuresOf(limited(1.2)).goalMet, figuresOf(limited(1.3)).goalMet], [true, false]);
});

test("what gates is counted: bytes of the registry, requests past the mirror, failed pulls", () => {
  assert.equal(violations(result([measured([5], { copies: 1.03 })])).length, 1);
  assert.equal(violations(result([measured([5], { fallbacks: 2 })])).length, 1);
  assert.equal(violations(result([measured([5], { ok: false, trouble: "404" })])).length, 1);
});

test("options describe one case, a word picks of the usual ones, and nonsense is refused by name", () => {
  const { cases } = readArguments(["--nodes", "4", "--rate", "40mbit", "--size", "32MiB", "--layers", "2", "--no-straight", "--seed"]);
  const [plan] = cases;
  assert.deepEqual(
    [cases.length, plan?.nodes, plan?.registryRate, plan?.layerBytes, plan?.straight, plan?.seed],
    [1, 4, 40e6, 16 * 1024 ** 2, false, true],
  );
  assert.deepEqual(
    readArguments(["--long", "--only", "containerd"]).cases.map(({ client }) => client),
    ["containerd"],
  );
  for (const wrong of [
    ["--rate", "fast"],
    ["--nodes", "0"],
    ["--size", "-1MiB"],
    ["--only", "no such case"],
    ["--client", "docker"],
  ])
    assert.throws(() => readArguments(wrong), Error);
});

test("the table, the page and the picture hold every case, with names made harmless", () => {
  const strange = { ...result([measured([5.1, 5.5])]), plan: { ...USUAL, name: "a < b & c" } };
  const figures = [figuresOf(strange)];
  const svg = picture(figures, "Darner");
  assert.ok(svg.includes("a &lt; b &amp; c") && !svg.includes("NaN"));
  assert.ok(tableText(figures).includes("1.100"));
  assert.ok(reportPage({ commit: "c", takenAt: "t", cores: 2, mirror: "Darner" }, [strange], figures).includes("| a < b & c | 5.00 s |"));
});
