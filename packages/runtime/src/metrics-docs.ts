import { Registry } from "prom-client";

/** What one package measures: its name and the factory in its `metrics.ts`. */
export type MetricsRoom = { readonly room: string; readonly create: (registry: Registry) => unknown };

/** A metric as its page lists it. */
export type MetricDescription = { readonly name: string; readonly type: string; readonly help: string; readonly labels: readonly string[] };

/** Calls a factory on a throw-away registry and lists what it made, by name. */
export function describeMetrics(create: (registry: Registry) => unknown): MetricDescription[] {
  const registry = new Registry();
  create(registry);
  const made = registry.getMetricsAsArray().map(({ name }) => describe(registry, name));
  registry.clear();
  return made.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The reference page `docs/metrics.md`. */
export function metricsReference(rooms: readonly MetricsRoom[]): string {
  const head = "# Metrics\n\nGenerated from the `metrics.ts` of each package by `scripts/generate-docs.ts`: change them there.\n";
  return [head, ...rooms.map(({ room, create }) => section(room, describeMetrics(create)))].join("\n");
}

function section(room: string, metrics: readonly MetricDescription[]): string {
  const rows = metrics.map(({ name, type, help, labels }) => {
    return `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(", ")} | ${help.replaceAll("|", "\\|")} |`;
  });
  return `## ${room}\n\n| name | type | labels | what it counts |\n| --- | --- | --- | --- |\n${rows.join("\n")}\n`;
}

/** prom-client 15 keeps type and labels on the metric without saying so in its types. */
function describe(registry: Registry, name: string): MetricDescription {
  const metric = registry.getSingleMetric(name) as unknown as {
    help: string;
    labelNames: readonly string[];
    constructor: { name: string };
  };
  return { name, type: metric.constructor.name.toLowerCase(), help: metric.help, labels: metric.labelNames };
}
