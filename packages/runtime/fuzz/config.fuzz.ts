import assert from "node:assert/strict";
import { latin1, utf8 } from "@darner/testkit";
import type { FuzzDice, FuzzTarget } from "@darner/testkit";
import { parseByteSize } from "../src/config/byte-size.ts";
import { parseConfigText } from "../src/config/config-file.ts";
import { takeConfigFlags } from "../src/config/config-overrides.ts";
import { formatProblems, loadConfig, type LoadedConfig } from "../src/config/load-config.ts";

const LINES = [
  "dataDir: /x",
  "listen: { mirror: '127.0.0.1:1' }",
  "schedulers: ['a:1']",
  "registries: { 'r:5000': { plainHttp: true } }",
  "store: { maxBytes: 1GiB }",
  "pieces: { encryption: none }",
  "seed: true",
  "a: &a [1]",
  "b: *a",
];
const FLAGS = [
  "--listen.mirror",
  "--seed",
  "--store.maxBytes=1GiB",
  "--registries={}",
  "--",
  "--unknown",
  "false",
  "127.0.0.1:0",
  "--schedulers=[]",
];

function outcome(loaded: LoadedConfig): string {
  if (loaded.ok) {
    assert.ok(Object.isFrozen(loaded.config) && Object.isFrozen(loaded.config.listen));
    assert.equal(Object.getPrototypeOf(loaded.config.registries), null);
    return "ok";
  }
  assert.ok(loaded.problems.length > 0 && loaded.problems.every(({ problem }) => problem !== ""));
  assert.ok(formatProblems(loaded.problems).length < 1_000_000);
  return `wrong: ${loaded.problems[0]?.problem.replaceAll(/[^a-z ]+.*/gis, "").slice(0, 24) ?? ""}`;
}

/**
 * The text of a configuration file.
 * @public the runner finds it by the name of its file
 */
export const configFile: FuzzTarget = {
  name: "config-file",
  seeds: [LINES.slice(0, 7).join("\n"), "", "a: &a [*a]", "{", "- 1", "? x", "? ".repeat(200), "- ".repeat(8000), "!!binary aGk="],
  words: [...LINES, "\n", ": ", "- ", "&a ", "*a ", "<<: *a", "!!js ", "__proto__: ", "constructor: ", "|\n", "{", "}", "[", "]", "~"],
  make: (dice: FuzzDice) => dice.some(LINES, 8).join("\n"),
  check: (input) => {
    const file = parseConfigText(utf8(input), "darner.yaml");
    if (Array.isArray(file)) {
      assert.ok(file.length > 0);
      return `no file: ${file[0]?.problem.replaceAll(/[^a-z ]+.*/gis, "").slice(0, 24) ?? ""}`;
    }
    assert.match(file.placeOf(["store", "maxBytes"]), /^darner\.yaml:[0-9]+:[0-9]+$/);
    return outcome(loadConfig({ defaults: () => file.tree, env: {}, flags: {} }));
  },
};

/**
 * A command line (words between blanks), and the same words as values of environment variables.
 * @public the runner finds it by the name of its file
 */
export const configOverrides: FuzzTarget = {
  name: "config-overrides",
  seeds: [FLAGS.join(" "), "--listen.mirror", "--name=x --seed"],
  words: [...FLAGS, "=", " ", "{", "}", '{"__proto__":{}}', "null", "1e999", "GiB"],
  make: (dice: FuzzDice) => dice.some(FLAGS, 6).join(" "),
  check: (input) => {
    const words = latin1(input).split(" ");
    const { flags, rest, problems } = takeConfigFlags(words);
    assert.ok(rest.length + Object.keys(flags).length + problems.length <= words.length);
    const bytes = parseByteSize(words[0]);
    assert.ok(bytes === undefined || (Number.isSafeInteger(bytes) && bytes >= 0));
    const [mirror, maxBytes, registries] = words;
    const env = { DARNER_LISTEN_MIRROR: mirror, DARNER_STORE_MAX_BYTES: maxBytes, DARNER_REGISTRIES: registries, DARNER_NO_KEY: "x" };
    return `${outcome(loadConfig({ env: {}, flags }))}, ${outcome(loadConfig({ env, flags: {} }))}`;
  },
};
