import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { noLeaks, openTempDir, selfSigned } from "@darner/testkit";
import { runHere } from "../../test/run-here.ts";
import type { Finding } from "./finding.ts";

noLeaks();

const DAY_MS = 86_400_000;

/** What the doctor says of a configuration. */
async function examine(file: string): Promise<Finding[]> {
  const { out } = await runHere(["doctor", "--json", "--no-node", "--admin", "127.0.0.1:1", "--mirror", "127.0.0.1:1", "--config", file]);
  return (JSON.parse(out) as { items: Finding[] }).items.filter(({ id }) => id.startsWith("config.") || id.startsWith("certificates."));
}

test("of each file of certificates it is told when it ends, and what to do where that is soon, over, or not to be seen", async () => {
  await using dir = await openTempDir();
  const at = (name: string): string => join(dir.path, name);
  const long = selfSigned().cert;
  const in10Days = selfSigned([], new Date(Date.now() + 10.5 * DAY_MS)).cert;
  const over = selfSigned([], new Date("2021-02-03T00:00:00Z")).cert;
  const files = { "good.pem": long, "soon.pem": `${long}${in10Days}`, "over.pem": over, "none.pem": "no certificate" };
  for (const [name, text] of Object.entries(files)) await writeFile(at(name), text);
  const names = ["good", "soon", "over", "none", "absent"];
  const registries = Object.fromEntries(names.map((name) => [`${name}.corp`, { caFile: at(`${name}.pem`) }]));
  await writeFile(at("darner.yaml"), JSON.stringify({ registries, join: { insecure: true } }));
  const [config, ...items] = await examine(at("darner.yaml"));
  assert.deepEqual([config?.id, config?.severity], ["config.valid", "ok"]);
  assert.deepEqual(
    items.map(({ severity }) => severity),
    ["ok", "warning", "error", "error", "error"],
  );
  const texts = [/good until 2049-12-31$/, /ends on .*, in 10 days$/, /ended on 2021-02-03$/, /no certificate that can be read$/, /ENOENT/];
  for (const [at_, text] of texts.entries()) {
    assert.match(items[at_]?.finding ?? "", text);
    assert.match(items[at_]?.finding ?? "", new RegExp(`registries\\.${names[at_] ?? ""}\\.corp\\.caFile`));
    assert.equal(items[at_]?.fix === "", at_ === 0);
  }
});

test("a configuration that is wrong is named problem by problem, each with the next step", async () => {
  await using dir = await openTempDir();
  const file = join(dir.path, "darner.yaml");
  await writeFile(file, "stor: {}\nlisten: { mirror: nowhere }\n");
  const items = await examine(file);
  assert.ok(items.length >= 2);
  for (const { id, severity, fix } of items) assert.deepEqual([id, severity, fix !== ""], ["config.valid", "error", true]);
});
