import assert from "node:assert/strict";
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { buildImage } from "@darner/testkit";
import { imageLayout } from "../e2e/harness/image-layout.ts";
import { LocalCluster } from "../e2e/harness/local-cluster.ts";
import { Running } from "../e2e/harness/running.ts";
import { must, run, until } from "../e2e/harness/shell.ts";
import { missingPrograms } from "../../../scripts/check/suite-programs.ts";

const missing = missingPrograms(["docker-registry", "skopeo"]);
const skip = missing === undefined ? false : missing;

/** A port that was free a moment ago: the registry wants one in its file. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}

test("skopeo copies an image out of a real registry through Darner, twice, and the registry sends it once", { skip }, async () => {
  await using lives = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), "darner-real-"));
  lives.defer(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  const name = `127.0.0.1:${String(await freePort())}`;
  const config = `version: 0.1\nlog: { level: info, formatter: json, accesslog: { disabled: true } }\nstorage: { filesystem: { rootdirectory: "${dir}/data" } }\nhttp: { addr: "${name}" }\n`;
  mkdirSync(join(dir, "data"));
  writeFileSync(join(dir, "config.yml"), config);
  const registry = new Running({
    name: "docker-registry",
    command: ["docker-registry", "serve", join(dir, "config.yml")],
    logFile: join(dir, "log"),
  });
  lives.use(registry);
  await until("the registry to answer", async () => ((await run(["curl", "-sf", `http://${name}/v2/`])).ok ? true : undefined));
  const image = buildImage({
    layers: [
      { bytes: 3_000_000, seed: 1 },
      { bytes: 10, seed: 2 },
    ],
  });
  await must([
    "skopeo",
    "copy",
    "--preserve-digests",
    "--dest-tls-verify=false",
    `oci:${imageLayout(join(dir, "layout"), image)}`,
    `docker://${name}/team/app:v1`,
  ]);
  const cluster = lives.use(
    await LocalCluster.open({ daemons: 2, config: { registries: { [name]: { plainHttp: true } }, mirror: { defaultRegistry: name } } }),
  );
  for (const [number, daemon] of cluster.daemons.entries()) {
    const target = join(dir, `copy-${String(number)}`);
    await must([
      "skopeo",
      "copy",
      "--preserve-digests",
      "--src-tls-verify=false",
      `docker://${daemon.addresses.mirror}/team/app:v1`,
      `oci:${target}:v1`,
    ]);
    const { stdout } = await run(["skopeo", "inspect", `oci:${target}:v1`]);
    const inspected = JSON.parse(stdout) as { Layers: string[] };
    assert.deepEqual(
      inspected.Layers,
      image.layers.map(({ digest }) => digest),
    );
  }
  const [first, second] = cluster.daemons.map((daemon) => daemon.status().bytes);
  assert.ok(first !== undefined && second !== undefined && first.source > 3_000_000);
  assert.equal(second.source, 0, "the second node takes everything from the first");
});
