import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ApiServer } from "../../test/kubernetes/api-server.ts";
import { Helm } from "../../test/kubernetes/helm.ts";
import { kindNamed } from "../../test/kubernetes/kinds.ts";
import { fieldsOf, specOf, textOf } from "../../test/kubernetes/object.ts";
import { settleAtOnce } from "../../test/kubernetes/settle.ts";

const CHART = fileURLToPath(new URL("../../../../helm/darner", import.meta.url));
// The chart as it was first installed, packed by Helm: every later one must be an upgrade of it.
const FIRST = fileURLToPath(new URL("../../test/kubernetes/charts/darner-first.tgz", import.meta.url));
const RELEASE = ["darner", "--namespace", "darner"];
const WAIT = ["--wait", "--timeout", "60s"];

const SECRET = kindNamed("v1", "Secret") ?? assert.fail("secrets are a kind");

/** Each value file is tried with one of the two; both render all of them in the chart's own tests. */
function filesFor(major: 3 | 4): string[] {
  return readdirSync(join(CHART, "ci"))
    .toSorted()
    .filter((_, at) => at % 2 === major - 3);
}

for (const major of [4, 3] as const) {
  suite(`the chart's life with Helm ${String(major)}`, () => {
    let api: ApiServer;
    let helm: Helm;
    let end: () => void;
    const home = mkdtempSync(join(tmpdir(), "darner-life-"));
    before(async () => {
      api = await ApiServer.open();
      end = settleAtOnce(api);
      writeFileSync(join(home, "ca.pem"), api.ca);
      helm = await Helm.open(major, { url: api.url, token: api.access.adminToken, caFile: join(home, "ca.pem"), home });
    });
    after(async () => {
      end();
      await api[Symbol.asyncDispose]();
      rmSync(home, { recursive: true, force: true });
    });

    const configOf = (name: string): string =>
      textOf(fieldsOf(api.store.named("ConfigMap").find(({ metadata }) => metadata.name === name)?.["data"])["darner.yaml"]);
    /** Everything of a namespace and what is called by it, but for the namespace, which outlives releases. */
    const held = (namespace: string): string[] =>
      api.store
        .all()
        .filter(({ kind, metadata }) => kind !== "Namespace" && (metadata.namespace ?? metadata.name.split("-darner")[0]) === namespace)
        .map(({ kind, metadata }) => `${kind} ${metadata.name}`);

    test("the first chart is installed, and this one is an upgrade of it", async () => {
      await helm.must(["install", ...RELEASE, FIRST, "--create-namespace", ...WAIT]);
      assert.equal(api.store.named("DaemonSet").length, 1);
      await helm.must(["upgrade", ...RELEASE, CHART, ...WAIT]);
      assert.equal(api.store.named("DaemonSet").length, 1);
    });

    test("a value that changes reaches the configuration, and a roll-back takes it back", async () => {
      const upgrade = ["upgrade", ...RELEASE, CHART, "--reuse-values", ...WAIT];
      const before = configOf("darner-daemon");
      await helm.must([...upgrade, "--set", "daemon.config.log.level=debug", "--set", "scheduler.replicas=3"]);
      assert.match(configOf("darner-daemon"), /level: debug/);
      assert.equal(specOf(api.store.named("StatefulSet")[0] ?? {})["replicas"], 3);
      await helm.must(["rollback", ...RELEASE, "2", ...WAIT]);
      assert.equal(configOf("darner-daemon"), before);
      assert.equal(specOf(api.store.named("StatefulSet")[0] ?? {})["replicas"], 1);
    });

    test("what the scheduler wrote into its Secret stays through an upgrade", async () => {
      const secret = api.store.named("Secret").find(({ metadata }) => metadata.name === "darner-keys");
      assert.ok(secret);
      api.store.update(SECRET, secret, (now) => ({ ...now, data: { "signing.key": "a2V5" } }));
      await helm.must(["upgrade", ...RELEASE, CHART, "--set", "daemon.config.log.level=warn", ...WAIT]);
      assert.deepEqual(fieldsOf(api.store.named("Secret").find(({ metadata }) => metadata.name === "darner-keys")?.["data"]), {
        "signing.key": "a2V5",
      });
    });

    test("helm test runs its pods", async () => {
      const said = await helm.must(["test", ...RELEASE, "--timeout", "60s"]);
      assert.match(said, /Phase:\s+Succeeded/);
    });

    test("a field that no cluster knows is refused, and nothing is left half done", async () => {
      const before = configOf("darner-daemon");
      const { ok, stderr } = await helm.run(["upgrade", ...RELEASE, CHART, "--set", "daemon.resources.limitz.cpu=1", ...WAIT]);
      assert.ok(!ok);
      assert.match(stderr, /limitz/);
      assert.equal(configOf("darner-daemon"), before);
    });

    test("after the uninstall the API server holds nothing of it", async () => {
      await helm.must(["uninstall", ...RELEASE, ...WAIT]);
      assert.deepEqual(held("darner"), []);
    });

    // Helm waits for most of the time; more of them at once than two cores have work for gain nothing.
    suite("with each value file", { concurrency: 3 }, () => {
      for (const file of filesFor(major)) {
        test(`${file}: every object is taken, a secret that is missing is named, and nothing stays`, async () => {
          const namespace = file.replace("-values.yaml", "");
          const release = ["darner", "--namespace", namespace];
          const install = ["install", ...release, CHART, "--create-namespace", "-f", join(CHART, "ci", file)];
          const first = await helm.run(install);
          const missing = [...first.stderr.matchAll(/there is no secret (\S+) in the namespace \S+ \(/g)].map(([, name = ""]) => name);
          for (const name of missing) api.store.create(SECRET, { apiVersion: "v1", kind: "Secret", metadata: { name, namespace } });
          if (missing.length > 0) await helm.must(install);
          else assert.ok(first.ok, first.stderr);
          await helm.must(["uninstall", ...release, ...WAIT]);
          assert.deepEqual(
            held(namespace),
            missing.map((name) => `Secret ${name}`),
          );
        });
      }
    });
  });
}
