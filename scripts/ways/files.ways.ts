import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { loadConfig } from "@darner/runtime";
import { openTempDir } from "@darner/testkit";
import { parse } from "yaml";
import { COMMANDS } from "../../packages/cli/src/commands.ts";
import { run } from "../../packages/cli/e2e/harness/shell.ts";
import { ROOT } from "./harness/built.ts";

const DEPLOY = join(ROOT, "deploy");
const UNITS = globSync("systemd/*.service", { cwd: DEPLOY }).sort();
const noSystemd = existsSync("/usr/bin/systemd-analyze") ? false : "there is no /usr/bin/systemd-analyze";
// systemd calls up to 5 "medium" and below 2 "ok"; a unit of Debian without any of it has 9.6. Node-setup is root, for it writes what belongs to root.
const MOST_EXPOSED: Readonly<Record<string, number>> = {
  "darner-daemon.service": 1.5,
  "darner-scheduler.service": 1.5,
  "darner-node-setup.service": 2.4,
};

function textOf(path: string): string {
  return readFileSync(join(DEPLOY, path), "utf8");
}

/** The values of a key of a unit, in order. */
function valuesOf(text: string, key: string): string[] {
  return [...text.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map((match) => match[1] ?? "");
}

/** Asserts that a command line of darner names a command and flags that there are. */
function assertKnown(words: readonly string[], where: string): void {
  const command = COMMANDS.find(({ name }) => name === words[0]);
  assert.ok(command !== undefined, `${where}: ${words.join(" ")}`);
  const known = command.flags.map(({ flag }) => flag.split(" ")[0]);
  for (const word of words.filter((each) => each.startsWith("--"))) {
    const isKey = command.takesConfig && /^--[a-z]+\.[a-zA-Z]+$/.test(word);
    assert.ok(isKey || known.includes(word), `${where}: ${word}`);
  }
}

test("systemd finds nothing wrong with the units", { skip: noSystemd }, async () => {
  assert.equal(UNITS.length, 3);
  const { stderr } = await run(["systemd-analyze", "verify", "--man=no", ...UNITS.map((unit) => join(DEPLOY, unit))]);
  const said = stderr.split("\n").filter((line) => line.includes("darner") && !line.includes("/usr/bin/darner is not executable"));
  assert.deepEqual(said, []);
});

for (const unit of UNITS) {
  test(`${basename(unit)} exposes no more than it did`, { skip: noSystemd }, async () => {
    const { stdout } = await run(["systemd-analyze", "security", "--offline=true", "--no-pager", join(DEPLOY, unit)]);
    const level = Number(/Overall exposure level for \S+: ([0-9.]+)/.exec(stdout)?.[1]);
    assert.ok(level <= (MOST_EXPOSED[basename(unit)] ?? 0), stdout);
  });
}

test("units call commands and flags that there are, and say when they are ready", () => {
  for (const unit of UNITS) {
    const text = textOf(unit);
    const [start = ""] = valuesOf(text, "ExecStart");
    assert.match(start, /^\/usr\/bin\/darner /);
    assertKnown(
      start
        .split(" ")
        .slice(1)
        .filter((word) => !word.startsWith("$")),
      unit,
    );
    assert.deepEqual([...valuesOf(text, "Type"), ...valuesOf(text, "NotifyAccess")], ["notify", "all"]);
  }
});

test("the compose file is one, by the schema of the compose specification", () => {
  const compose = parse(textOf("compose/compose.yaml"), { merge: true }) as object;
  const schema = JSON.parse(readFileSync(join(import.meta.dirname, "schema/compose-spec.json"), "utf8")) as object;
  const validate = new Ajv2020({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
  assert.ok(validate(compose), JSON.stringify(validate.errors));
  assert.equal(validate({ ...compose, servises: {} }), false);
});

type Service = { command: string[]; read_only: boolean; cap_drop: string[]; cap_add?: string[]; user: string; volumes: string[] };

test("services of the compose file call commands that there are, write to their volumes only and have no capability they do not need", () => {
  const { services } = parse(textOf("compose/compose.yaml"), { merge: true }) as { services: Record<string, Service> };
  assert.deepEqual(Object.keys(services), ["scheduler", "daemon", "node-setup"]);
  for (const [name, service] of Object.entries(services)) {
    assertKnown(service.command, name);
    assert.deepEqual([service.read_only, service.cap_drop], [true, ["ALL"]]);
    assert.equal(service.user === "65532:65532", service.cap_add === undefined, name);
  }
});

test("quadlets call commands that there are, read-only and without capabilities, and name volumes that there are", () => {
  const files = globSync("quadlet/*.container", { cwd: DEPLOY }).sort();
  assert.equal(files.length, 2);
  for (const file of files) {
    const text = textOf(file);
    assertKnown((valuesOf(text, "Exec")[0] ?? "").split(" "), file);
    assert.deepEqual(
      [valuesOf(text, "ReadOnly"), valuesOf(text, "DropCapability"), valuesOf(text, "User")],
      [["true"], ["all"], ["65532"]],
    );
    for (const volume of valuesOf(text, "Volume").filter((each) => each.includes(".volume:")))
      assert.ok(existsSync(join(DEPLOY, "quadlet", volume.split(":")[0] ?? "")), volume);
  }
});

test("the configuration files that are shipped hold keys that there are", async () => {
  await using dir = await openTempDir();
  const copy = join(dir.path, "darner.yaml");
  for (const file of ["debian/darner.yaml", "compose/darner.yaml"]) {
    for (const text of [textOf(file), textOf(file).replaceAll(/^#([a-z]|  ")/gm, "$1")]) {
      writeFileSync(copy, text);
      const loaded = loadConfig({ env: {}, flags: {}, file: copy });
      assert.ok(loaded.ok, JSON.stringify(loaded));
    }
  }
});

test("everything of one release carries its version", () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  for (const file of ["compose/compose.yaml", "quadlet/darner-daemon.container", "quadlet/darner-scheduler.container", "Dockerfile"])
    assert.ok(textOf(file).includes(version), file);
});
