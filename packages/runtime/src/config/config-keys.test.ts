import assert from "node:assert/strict";
import { test } from "node:test";
import { configHelp, configReference } from "./config-docs.ts";
import { CONFIG_KEYS, envNameOf } from "./config-keys.ts";
import { takeConfigFlags } from "./config-overrides.ts";
import { loadConfig } from "./load-config.ts";

test("a key's variable is its path in upper snake case", () => {
  assert.equal(envNameOf("listen.mirror"), "DARNER_LISTEN_MIRROR");
  assert.equal(envNameOf("store.maxBytes"), "DARNER_STORE_MAX_BYTES");
  assert.equal(envNameOf("listen.p2p"), "DARNER_LISTEN_P2P");
  assert.equal(new Set(CONFIG_KEYS.map(({ path }) => envNameOf(path))).size, CONFIG_KEYS.length);
});

test("every leaf of the configuration is a key with a sentence, and every key's default is accepted back", () => {
  const loaded = loadConfig({ env: {}, flags: {} });
  assert.ok(loaded.ok);
  const overridable = new Set(CONFIG_KEYS.filter(({ override }) => override !== undefined).map(({ path }) => path));
  for (const path of leavesOf(loaded.config)) assert.ok(overridable.has(path), `${path} is not described`);
  for (const key of CONFIG_KEYS) {
    assert.match(key.is, /^[A-Zl].*\.$/, `${key.path} has no sentence`);
    if (key.override === undefined || key.default === undefined || key.path === "name") continue;
    const text = key.form === "text" && key.default.startsWith('"') ? String(JSON.parse(key.default)) : key.default;
    const again = loadConfig({ env: { [key.override.env]: text }, flags: {} });
    assert.ok(again.ok, `${key.path} refuses its own default ${text}`);
    assert.deepEqual(again.config, loaded.config, key.path);
  }
});

function leavesOf(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value) || path === "registries") return [path];
  return Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, path === "" ? key : `${path}.${key}`));
}

test("help and reference name every key", () => {
  const help = configHelp();
  const page = configReference();
  for (const { path, override } of CONFIG_KEYS) {
    assert.ok(page.includes(`## \`${path}\``), path);
    assert.equal(help.includes(`  --${path} VALUE\n`), override !== undefined, path);
  }
  assert.match(help, /--store\.maxBytes VALUE\n.*\[default: 100GiB\]/);
});

test("flags of the configuration are taken out of a command line, the rest stays in order", () => {
  const taken = takeConfigFlags(["pull", "--listen.mirror", "a:1", "image", "--seed", "--json", "--zone=x=y", "-o", "f", "--", "--seed"]);
  assert.deepEqual(taken.flags, { "listen.mirror": "a:1", seed: "true", zone: "x=y" });
  assert.deepEqual(taken.rest, ["pull", "image", "--json", "-o", "f", "--", "--seed"]);
  assert.deepEqual(taken.problems, []);
});

test("a switch takes true or false from the next word and nothing else", () => {
  assert.deepEqual(takeConfigFlags(["--seed", "false", "x"]), { flags: { seed: "false" }, rest: ["x"], problems: [] });
  assert.deepEqual(takeConfigFlags(["--seed", "x"]), { flags: { seed: "true" }, rest: ["x"], problems: [] });
});

test("a flag without its value is a problem that says what is accepted", () => {
  const [problem] = takeConfigFlags(["--zone", "--seed"]).problems;
  assert.equal(problem?.path, "zone");
  assert.match(problem.problem, /^needs a value: names with/);
});
