import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Helm } from "../../test/kubernetes/helm.ts";
import { RealApiServer } from "../../test/kubernetes/real-api-server.ts";

const CHART = fileURLToPath(new URL("../../../../helm/darner", import.meta.url));
const FIRST = fileURLToPath(new URL("../../test/kubernetes/charts/darner-first.tgz", import.meta.url));
const RELEASE = ["darner", "--namespace", "darner"];
const WAIT = ["--wait", "--timeout", "90s"];

// Programs that no Debian release has together; docs/adr/0027 says how they are built from Go modules.
const { DARNER_KUBE_APISERVER: apiServer, DARNER_ETCD: etcd } = process.env;
const skip = apiServer === undefined || etcd === undefined ? "DARNER_KUBE_APISERVER and DARNER_ETCD name no programs" : false;

suite("the chart's life against a real kube-apiserver", { skip }, () => {
  const dir = mkdtempSync(join(tmpdir(), "darner-real-"));
  let api: RealApiServer;
  before(async () => {
    if (apiServer !== undefined && etcd !== undefined) api = await RealApiServer.open({ apiServer, etcd }, dir);
  });
  after(async () => {
    await api[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  for (const major of [4, 3] as const) {
    test(`Helm ${String(major)}: install, upgrade from the first chart, another value, roll-back, test, uninstall, and nothing is left`, async () => {
      const home = join(dir, `helm-${String(major)}`);
      mkdirSync(home);
      const helm = await Helm.open(major, { url: api.url, token: api.token, caFile: api.caFile, home });
      await helm.must(["install", ...RELEASE, FIRST, "--create-namespace", ...WAIT]);
      await helm.must(["upgrade", ...RELEASE, CHART, ...WAIT]);
      await helm.must(["upgrade", ...RELEASE, CHART, "--set", "daemon.config.log.level=debug", "--set", "scheduler.replicas=3", ...WAIT]);
      await helm.must(["rollback", ...RELEASE, "2", ...WAIT]);
      assert.match(await helm.must(["test", ...RELEASE, "--timeout", "90s"]), /Phase:\s+Succeeded/);
      const wrong = await helm.run(["upgrade", ...RELEASE, CHART, "--set", "daemon.resources.limitz.cpu=1", ...WAIT]);
      assert.ok(!wrong.ok);
      await helm.must(["uninstall", ...RELEASE, ...WAIT]);
      assert.deepEqual(await api.held("darner"), []);
    });
  }

  for (const [at, file] of readdirSync(join(CHART, "ci")).toSorted().entries()) {
    test(`installed and uninstalled with ${file}`, async (context) => {
      const helm = await Helm.open(at % 2 === 0 ? 3 : 4, { url: api.url, token: api.token, caFile: api.caFile, home: join(dir, "helm-4") });
      const install = ["install", ...RELEASE, CHART, "--create-namespace", "-f", join(CHART, "ci", file)];
      const first = await helm.run(install);
      const missing = [...first.stderr.matchAll(/there is no secret (\S+) in the namespace darner/g)].map(([, name = ""]) => name);
      for (const name of missing) await api.create("Secret", "darner", { apiVersion: "v1", kind: "Secret", metadata: { name } });
      const { ok, stderr } = missing.length > 0 ? await helm.run(install) : first;
      if (/no matches for kind/.test(stderr)) {
        context.skip("it needs custom resources that this API server does not have");
        return;
      }
      assert.ok(ok, stderr);
      await helm.must(["uninstall", ...RELEASE, ...WAIT]);
      assert.deepEqual(await api.held("darner"), []);
    });
  }
});
