import assert from "node:assert/strict";
import { test } from "node:test";
import { runHere } from "../test/run-here.ts";
import { COMMANDS } from "./commands.ts";

const DIGEST = `sha256:${"0".repeat(64)}`;

/** Command lines that are wrong, and what must be said of each. */
const WRONG: readonly (readonly [string, RegExp])[] = [
  ["statsu", /^darner: there is no command "statsu"; did you mean status\?\ndarner help lists the commands\.\n$/],
  ["frobnicate", /^darner: there is no command "frobnicate"\ndarner help/],
  ["help frobnicate", /there is no command "frobnicate"/],
  ["version --jsn", /^darner version: there is no flag --jsn; did you mean json\?\nUsage: darner version \[--json\]\n/],
  ["version 2", /unexpected argument: 2/],
  ["status now", /unexpected argument: now/],
  ["status --json=yes", /--json/],
  ["status --admin", /--admin/],
  ["status --admin nowhere", /--admin takes HOST:PORT, not "nowhere"/],
  ["status --admin http://127.0.0.1:1", /--admin takes HOST:PORT/],
  ["status --host 12D3KooW", /--host and --address go together/],
  ["status --address 127.0.0.1:1", /--host and --address go together/],
  ["status --host 12D3KooW --address here", /--address takes HOST:PORT, not "here"/],
  ["pull", /exactly one IMAGE is needed/],
  ["pull a b", /exactly one IMAGE is needed/],
  ["pull UPPER", /"UPPER" is no image reference: it is \[registry\/\]name\[:tag\]\[@digest\], in lower case/],
  ["pull app@sha256:12", /no image reference/],
  ["pull app@md5:d41d8cd98f00b204e9800998ecf8427e", /md5 digests cannot be checked/],
  ["pull app -o dir", /-o takes oci:DIR, not "dir"/],
  ["pull app -o oci:", /-o takes oci:DIR/],
  ["pull app -o", /-o/],
  ["pull app --platform arm64", /--platform takes OS\/ARCH or OS\/ARCH\/VARIANT, not "arm64"/],
  ["pull app --platform linux/arm64 --all-platforms", /exclude each other/],
  ["pull app --mirror 4101", /--mirror takes HOST:PORT, not "4101"/],
  ["pull app --outptu oci:x", /no flag --outptu; did you mean output\?/],
  ["get", /exactly one REPOSITORY@DIGEST is needed/],
  ["get app:latest -o x", /"app:latest" is no blob/],
  ["get app@md5:d41d8cd98f00b204e9800998ecf8427e -o x", /is no blob/],
  [`get app@${DIGEST}`, /-o FILE is needed/],
  [`get app@${DIGEST} -o x --mirror http://x`, /--mirror takes HOST:PORT/],
  ["up now", /unexpected argument: now/],
  ["up --listen.miror 127.0.0.1:0", /--listen\.miror: unknown flag; did you mean --listen\.mirror\?/],
  ["daemon --config /there/is/none.yaml", /none\.yaml: cannot be read: there is no such file/],
  ["daemon --listen.mirror", /listen\.mirror: needs a value/],
  ["scheduler --listen.grpc nowhere --store.maxBytes much", /listen\.grpc: [^]*store\.maxBytes: /],
];

for (const [words, said] of WRONG) {
  test(`"darner ${words.replace(DIGEST, "sha256:0…")}" is wrong usage, and says what is wrong`, async () => {
    const { code, out, err } = await runHere(words.split(" "));
    assert.match(err, said);
    assert.equal(code, 2);
    assert.equal(out, "", "nothing that a program could take for a result");
  });
}

test("a variable that is no address is named", async () => {
  const { code, err } = await runHere(["pull", "app"], { env: { DARNER_LISTEN_MIRROR: "here" } });
  assert.equal(code, 2);
  assert.match(err, /DARNER_LISTEN_MIRROR takes HOST:PORT, not "here"/);
});

test("everything wrong with a configuration is told at once: file, variable and flags", async () => {
  const { code, err } = await runHere(["daemon", "--seedd", "--limits.uploadConnections", "many"], { env: { DARNER_REGISTRIES: "{" } });
  assert.equal(code, 2);
  for (const said of [
    /--seedd: unknown flag/,
    /limits\.uploadConnections: .*--limits\.uploadConnections/,
    /registries: is not JSON.*DARNER_REGISTRIES/,
  ]) {
    assert.match(err, said);
  }
});

for (const command of COMMANDS) {
  test(`help on ${command.name} says how it is called and names every flag, within 80 columns where the flags are its own`, async () => {
    const ways = [
      ["help", command.name],
      [command.name, "--help"],
      [command.name, "-h"],
    ];
    const [first, ...others] = await Promise.all(ways.map((argv) => runHere(argv)));
    assert.ok(first !== undefined);
    assert.equal(first.code, 0);
    assert.equal(first.err, "");
    assert.ok(first.out.includes(`Usage: darner ${command.usage}\n`));
    for (const { flag } of command.flags) assert.ok(first.out.includes(flag), flag);
    assert.equal(first.out.includes("--listen.mirror"), command.takesConfig);
    for (const other of others) assert.deepEqual(other, first);
  });
}

test("without a command, the commands are listed", async () => {
  const bare = await runHere([]);
  assert.equal(bare.code, 0);
  for (const { name } of COMMANDS) assert.match(bare.out, new RegExp(`^  ${name} `, "m"));
  for (const line of bare.out.split("\n")) assert.ok(line.length <= 80, line);
  assert.deepEqual(await runHere(["help"]), bare);
  assert.deepEqual(await runHere(["--help"]), bare);
});

test("the version is the same for people and for programs", async () => {
  const { out } = await runHere(["version"]);
  const told = JSON.parse((await runHere(["version", "--json"])).out) as Record<string, string>;
  assert.equal(out, `darner ${String(told["version"])}\n`);
  assert.equal(told["node"], process.versions.node);
  assert.equal((await runHere(["--version"])).out, out);
});
