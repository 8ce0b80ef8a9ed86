import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { stringify } from "yaml";
import { DASHBOARDS } from "./dashboards.ts";
import { objects, profileArgs, ROOT, type Json } from "./harness/render.ts";
import { said, toolRequire } from "./harness/tools.ts";

type Tree = {
  iterate(spec: {
    enter: (node: {
      readonly name: string;
      readonly from: number;
      readonly to: number;
      readonly type: { readonly isError: boolean };
    }) => void;
  }): void;
};
type Rule = { readonly alert: string; readonly expr: string; readonly annotations: Readonly<Record<string, string>> };

const { parser } = toolRequire("@prometheus-io/lezer-promql") as { parser: { parse(text: string): Tree } };
const METRICS = new Set(
  [...readFileSync(join(ROOT, "docs/metrics.md"), "utf8").matchAll(/^\| `(\w+)` \| (\w+) /gm)].flatMap(([, name = "", type]) =>
    type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ),
);

/** The metrics that an expression reads. Rejects what is no PromQL. */
function metricsIn(expr: string): string[] {
  // What Grafana fills in before it asks.
  const text = expr.replaceAll("$__rate_interval", "5m").replaceAll("$__range", "1h");
  const names: string[] = [];
  parser.parse(text).iterate({
    enter: ({ name, from, to, type }) => {
      assert.ok(!type.isError, `no PromQL at ${String(from)}: ${text}`);
      // A selector's name stands before its braces; functions and labels are other nodes.
      if (name === "VectorSelector") names.push(/^\w*/.exec(text.slice(from, to))?.[0] ?? "");
    },
  });
  return names;
}

async function rules(): Promise<readonly Rule[]> {
  const rule = (await objects(...profileArgs("full"))).find(({ kind }) => kind === "PrometheusRule");
  const { groups } = rule?.["spec"] as { groups: readonly { rules: readonly Rule[] }[] };
  return groups.flatMap((group) => group.rules);
}

suite("every query", () => {
  test("of an alert is PromQL, and reads metrics that there are", async () => {
    const all = await rules();
    assert.ok(all.length >= 10);
    for (const { alert, expr } of all) {
      const names = metricsIn(expr);
      assert.ok(names.length > 0, alert);
      assert.deepEqual(
        names.filter((name) => !METRICS.has(name)),
        [],
        alert,
      );
    }
  });

  test("of a dashboard is PromQL, and reads metrics that there are", () => {
    for (const { name: board, panels } of DASHBOARDS) {
      for (const { title, queries } of panels) {
        const names = queries.flatMap(({ expr }) => metricsIn(expr));
        assert.ok(names.length > 0, title);
        assert.deepEqual(
          names.filter((name) => !METRICS.has(name)),
          [],
          `${board}: ${title}`,
        );
      }
    }
  });

  test("that reads a metric nobody counts is seen, and so is one that is no PromQL", () => {
    assert.ok(!METRICS.has(metricsIn("rate(darner_daemon_nothing_total[5m])")[0] ?? ""));
    assert.throws(() => metricsIn("sum by (x (rate(darner_daemon_peers[5m]))"));
  });
});

test("every alert has its page in the runbooks, and every page an alert", async () => {
  const pages = [...readFileSync(join(ROOT, "docs/runbooks.md"), "utf8").matchAll(/^## (\w+)$/gm)].map(([, name]) => name);
  const all = await rules();
  assert.deepEqual(all.map(({ alert }) => alert).sort(), pages.sort());
  for (const { alert, annotations } of all) assert.equal(annotations["runbook_url"], `docs/runbooks.md#${alert.toLowerCase()}`);
});

test("promtool accepts the rules", async (t) => {
  const promtool = ["/usr/bin/promtool", "/usr/local/bin/promtool"].find((path) => existsSync(path));
  if (promtool === undefined) {
    t.skip("prometheus is not installed here");
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "darner-rules-"));
  try {
    const rule = (await objects(...profileArgs("full"))).find(({ kind }) => kind === "PrometheusRule");
    writeFileSync(join(folder, "rules.yaml"), stringify(rule?.["spec"]));
    const { code, out, err } = await said(promtool, ["check", "rules", join(folder, "rules.yaml")]);
    assert.equal(code, 0, out + err);
    assert.match(out, /SUCCESS: \d+ rules found/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("every monitor asks a port that its pods have, and the dashboards lie where Grafana finds them", async () => {
  const all = await objects(...profileArgs("full"));
  const monitors = all.filter(({ kind }) => kind === "PodMonitor");
  assert.equal(monitors.length, 3);
  for (const monitor of monitors) {
    const { podMetricsEndpoints, selector } = monitor["spec"] as {
      podMetricsEndpoints: readonly { port: string }[];
      selector: { matchLabels: Json };
    };
    const component = selector.matchLabels["app.kubernetes.io/component"];
    const pods = all.filter(({ kind, metadata }) => kind.endsWith("Set") && metadata.labels?.["app.kubernetes.io/component"] === component);
    assert.equal(pods.length, 1);
    assert.match(JSON.stringify(pods), new RegExp(`"ports":\\[[^\\]]*"name":"${podMetricsEndpoints[0]?.port ?? ""}"`));
  }
  const boards = all.filter(({ kind, metadata }) => kind === "ConfigMap" && metadata.labels?.["grafana_dashboard"] === "1");
  assert.equal(boards.length, DASHBOARDS.length);
  for (const { data } of boards)
    for (const text of Object.values(data as Record<string, string>))
      assert.ok(Array.isArray((JSON.parse(text) as { panels: unknown }).panels));
});
