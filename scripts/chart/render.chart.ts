import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { loadConfig } from "@darner/runtime";
import type { HelmMajor } from "@darner/testkit";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { containersOf, podsOf } from "./harness/pods.ts";
import { CHART, nameOf, objects, PROFILES, profileArgs, rendered, ROOT, type KubeObject } from "./harness/render.ts";
import { helm } from "./harness/tools.ts";

const MAJORS: readonly HelmMajor[] = [3, 4];

for (const major of MAJORS) {
  suite(`Helm ${String(major)}`, () => {
    test("is that major", async () => {
      assert.match((await helm(major, "version", "--short")).out, new RegExp(`^v${String(major)}\\.`));
    });

    for (const profile of PROFILES) {
      test(`lints the chart strictly with the values ${profile}`, async () => {
        const { code, out, err } = await helm(major, "lint", "--strict", CHART, ...profileArgs(profile));
        assert.equal(code, 0, out + err);
        assert.doesNotMatch(out, /\[(WARNING|ERROR)\]/);
      });
    }
  });
}

suite("what is rendered", () => {
  for (const profile of PROFILES) {
    test(`of ${profile} is the same twice, and the same with both majors`, async () => {
      const [first, second, other] = await Promise.all([
        rendered(4, ...profileArgs(profile)),
        rendered(4, ...profileArgs(profile)),
        rendered(3, ...profileArgs(profile)),
      ]);
      assert.equal(first, second);
      assert.equal(first, other);
    });

    test(`of ${profile} holds each object once, and configurations that the processes accept`, async () => {
      const all = await objects(...profileArgs(profile));
      const names = all.map((object) => `${object.apiVersion} ${nameOf(object)}`);
      assert.deepEqual(names, [...new Set(names)]);
      const folder = mkdtempSync(join(tmpdir(), "darner-chart-"));
      try {
        const texts = all.flatMap((object) =>
          object.kind === "ConfigMap" ? Object.entries((object["data"] ?? {}) as Record<string, string>) : [],
        );
        const configs = texts.filter(([name]) => name === "darner.yaml");
        assert.ok(configs.length >= 2);
        for (const [, text] of configs) {
          const file = join(folder, "darner.yaml");
          writeFileSync(file, text);
          const loaded = loadConfig({ file, env: {}, flags: {} });
          assert.ok(loaded.ok, JSON.stringify(loaded));
        }
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});

suite("an install", () => {
  test("by default is a scheduler and a daemon on every node, and nothing that has to be had first", async () => {
    const kinds = (await objects()).filter(({ metadata }) => metadata.annotations?.["helm.sh/hook"] === undefined).map(nameOf);
    assert.deepEqual(kinds.sort(), [
      "ClusterRole darner-system-darner-daemon",
      "ClusterRole darner-system-darner-scheduler",
      "ClusterRoleBinding darner-system-darner-daemon",
      "ClusterRoleBinding darner-system-darner-scheduler",
      "ConfigMap darner-cluster",
      "ConfigMap darner-daemon",
      "ConfigMap darner-scheduler",
      "DaemonSet darner-daemon",
      "ResourceQuota darner-daemon",
      "Role darner-scheduler",
      "RoleBinding darner-scheduler",
      "Secret darner-keys",
      "Service darner-api",
      "Service darner-scheduler",
      "ServiceAccount darner-daemon",
      "ServiceAccount darner-scheduler",
      "StatefulSet darner-scheduler",
    ]);
  });

  test("is called by its release, and two releases share nothing but the namespace", async () => {
    const [one, two] = await Promise.all([objects("--set", "fullnameOverride=one"), objects("--set", "fullnameOverride=two")]);
    const shared = new Set(one.map(nameOf));
    assert.deepEqual(
      two.map(nameOf).filter((name) => shared.has(name)),
      [],
    );
  });

  test("tells people how to see that it is well", async () => {
    const { code, out, err } = await helm(
      4,
      "install",
      "darner",
      CHART,
      "--namespace",
      "darner-system",
      "--dry-run=client",
      ...profileArgs("full"),
    );
    assert.equal(code, 0, err);
    for (const words of ["helm -n darner-system test darner", "darner status", "Is it well?", "jsonpath='{.data.api-token}'"])
      assert.ok(out.includes(words), words);
  });
});

suite("the chart's own page", () => {
  test("names the image and the version that Artifact Hub is told of", async () => {
    const { out } = await helm(4, "show", "chart", CHART);
    const { version, appVersion, annotations } = parse(out) as { version: string; appVersion: string; annotations: Record<string, string> };
    assert.equal(version, appVersion);
    const [image] = parse(annotations["artifacthub.io/images"] ?? "") as readonly { image: string; platforms: readonly string[] }[];
    assert.deepEqual(image, { name: "darner", image: imageOf(await objects()), platforms: ["linux/amd64", "linux/arm64"] });
  });

  test("shows Artifact Hub its picture, its licence and whose it is", async () => {
    const { out } = await helm(4, "show", "chart", CHART);
    const { icon, annotations, maintainers } = parse(out) as {
      icon: string;
      annotations: Record<string, string>;
      maintainers: readonly { name: string }[];
    };
    const picture = readFileSync(join(ROOT, "helm/icon.svg"));
    assert.equal(icon, `data:image/svg+xml;base64,${picture.toString("base64")}`);
    assert.equal(annotations["artifacthub.io/license"], "Apache-2.0");
    assert.deepEqual(maintainers, [{ name: "Darner's authors" }]);
    const changes = parse(annotations["artifacthub.io/changes"] ?? "") as readonly { kind: string; description: string }[];
    for (const { kind, description } of changes) assert.ok(["added", "changed", "fixed", "removed"].includes(kind) && description !== "");
    const links = parse(annotations["artifacthub.io/recommendations"] ?? "") as readonly { url: string }[];
    for (const { url } of links) assert.match(url, /^https:\/\/artifacthub\.io\/packages\//);
  });
});

function imageOf(all: readonly KubeObject[]): string {
  return podsOf(all).flatMap(containersOf)[0]?.image ?? "";
}
