/** One query of a panel and what its lines are called. */
type Query = { readonly expr: string; readonly legend: string };

type Panel = {
  readonly title: string;
  /** A Grafana unit: Bps, bytes, s, short, percentunit. */
  readonly unit: string;
  readonly about: string;
  readonly kind: "timeseries" | "stat";
  readonly queries: readonly Query[];
  readonly stacked?: boolean;
};

/** A Grafana dashboard in a few lines; `dashboardJson` makes the file of it. */
export type Dashboard = { readonly name: string; readonly title: string; readonly panels: readonly Panel[] };

const D = 'job=~"$job"';
const rate = (metric: string, by: string): string => `sum by (${by}) (rate(${metric}{${D}}[$__rate_interval]))`;
const one = (expr: string, legend: string): readonly Query[] => [{ expr, legend }];

function stat(title: string, unit: string, about: string, expr: string): Panel {
  return { title, unit, about, kind: "stat", queries: one(expr, "") };
}

function lines(title: string, unit: string, about: string, queries: readonly Query[], stacked = false): Panel {
  return { title, unit, about, kind: "timeseries", queries, stacked };
}

function quantiles(metric: string): readonly Query[] {
  return ["0.5", "0.95", "0.99"].map((q) => ({
    expr: `histogram_quantile(${q}, sum by (le) (rate(${metric}_bucket{${D}}[$__rate_interval])))`,
    legend: `p${String(Number(q) * 100)}`,
  }));
}

const overview: Dashboard = {
  name: "overview",
  title: "Darner: overview",
  panels: [
    stat("Hosts with a session", "short", "At the scheduler that most follow.", `max(darner_scheduler_hosts{${D}})`),
    stat("Without a scheduler", "short", "Hosts that follow none.", `count(darner_daemon_scheduler_live{${D}} == 0) or vector(0)`),
    stat(
      "From other hosts",
      "percentunit",
      "Share of all verified bytes of this time that no registry had to send.",
      `1 - sum(increase(darner_daemon_blob_bytes_total{${D},from="source"}[$__range])) / sum(increase(darner_daemon_blob_bytes_total{${D}}[$__range]))`,
    ),
    stat(
      "Wrong bytes",
      "short",
      "Cases found in this time.",
      `sum(increase(darner_daemon_wrong_bytes_total{${D}}[$__range])) or vector(0)`,
    ),
    lines(
      "Where bytes come from",
      "Bps",
      "Registry, other hosts, own disk.",
      one(rate("darner_daemon_blob_bytes_total", "from"), "{{from}}"),
      true,
    ),
    lines("Why registries were read", "Bps", "By cause.", one(rate("darner_daemon_source_bytes_total", "cause"), "{{cause}}"), true),
    lines("From a blob's first request to its proof", "s", "Cold blobs.", quantiles("darner_daemon_blob_seconds")),
    lines("To the first byte", "s", "Head of the response, by what was asked.", quantiles("darner_mirror_first_byte_seconds")),
    lines(
      "Answers of the mirror",
      "short",
      "A second, by how they ended.",
      one(rate("darner_mirror_requests_total", "outcome"), "{{outcome}}"),
      true,
    ),
    lines(
      "Requests to registries",
      "short",
      "A second, by registry and status.",
      one(rate("darner_daemon_source_requests_total", "registry, status"), "{{registry}} {{status}}"),
    ),
  ],
};

const daemon: Dashboard = {
  name: "daemon",
  title: "Darner: daemons",
  panels: [
    lines("Sent to other hosts", "Bps", "By node.", one(rate("darner_daemon_upload_bytes_total", "instance"), "{{instance}}")),
    lines("Handed to clients", "Bps", "By node.", one(rate("darner_mirror_sent_bytes_total", "instance"), "{{instance}}")),
    lines("Store", "bytes", "Bytes kept, by node.", one(`sum by (instance) (darner_daemon_store_bytes{${D}})`, "{{instance}}")),
    lines("Blobs on their way", "short", "By node.", one(`sum by (instance) (darner_daemon_peers{${D}})`, "{{instance}}")),
    lines("Memory", "bytes", "Resident, by node.", one(`process_resident_memory_bytes{${D}}`, "{{instance}}")),
    lines("CPU", "short", "Cores, by node.", one(rate("process_cpu_seconds_total", "instance"), "{{instance}}")),
    lines(
      "Event loop, 99th percentile",
      "s",
      "What hangs here hangs everybody.",
      one(`nodejs_eventloop_lag_p99_seconds{${D}}`, "{{instance}}"),
    ),
    lines("Connections to other hosts", "short", "By side.", one(`sum by (side) (darner_daemon_channel_connections{${D}})`, "{{side}}")),
    lines("Access checks", "short", "A second, by outcome.", one(rate("darner_daemon_access_checks_total", "outcome"), "{{outcome}}")),
    lines("Turned down", "short", "Connections and requests on the piece channel, a second.", [
      ...one(rate("darner_daemon_channel_refusals_total", "reason"), "connection: {{reason}}"),
      ...one(rate("darner_daemon_channel_requests_refused_total", "reason"), "request: {{reason}}"),
    ]),
    lines(
      "Bytes that came twice",
      "Bps",
      "Came from other hosts and were here already.",
      one(rate("darner_daemon_unwanted_bytes_total", "instance"), "{{instance}}"),
    ),
    lines("Proofs", "short", "Whole blobs checked, a second.", one(rate("darner_daemon_proofs_total", "outcome"), "{{outcome}}")),
    lines(
      "Node set-up",
      "short",
      "Nodes by how they stand: told of the mirror, waiting for the daemon, not to be told.",
      one(`sum by (state) (darner_daemon_node_setup_state{${D}})`, "{{state}}"),
      true,
    ),
    lines(
      "Probe pulls of node set-up",
      "short",
      "Nodes by what became of the last one.",
      one(`sum by (probe) (darner_daemon_node_setup_probe{${D}})`, "{{probe}}"),
      true,
    ),
  ],
};

const scheduler: Dashboard = {
  name: "scheduler",
  title: "Darner: schedulers",
  panels: [
    lines(
      "Followers",
      "short",
      "One scheduler has them all; two lines above zero are a split view.",
      one(`sum by (pod) (darner_scheduler_followers{${D}})`, "{{pod}}"),
    ),
    lines("Hosts, blobs, peers", "short", "What it knows.", [
      ...one(`max(darner_scheduler_hosts{${D}})`, "hosts"),
      ...one(`max(darner_scheduler_tasks{${D}})`, "blobs"),
      ...one(`max(darner_scheduler_peers{${D}})`, "peers"),
    ]),
    lines(
      "Pieces granted",
      "short",
      "A second, by where they are to come from.",
      one(rate("darner_scheduler_pieces_granted_total", "from"), "{{from}}"),
      true,
    ),
    lines("Grants that failed", "short", "A second, by cause.", one(rate("darner_scheduler_grants_failed_total", "cause"), "{{cause}}")),
    lines("What happened", "short", "Events a second.", one(rate("darner_scheduler_events_total", "event"), "{{event}}")),
    lines("What was ordered", "short", "Effects a second.", one(rate("darner_scheduler_effects_total", "effect"), "{{effect}}")),
    lines(
      "At the door",
      "short",
      "Hosts that joined, were known, or were turned away.",
      one(rate("darner_scheduler_joins_total", "outcome"), "{{outcome}}"),
    ),
    lines(
      "Requests to the API",
      "short",
      "A second, by face and status.",
      one(rate("darner_scheduler_api_requests_total", "face, status"), "{{face}} {{status}}"),
    ),
    lines(
      "Found to be wrong",
      "short",
      "Hosts and registries, by what they did.",
      one(rate("darner_scheduler_faults_total", "fault, blocked"), "{{fault}} blocked: {{blocked}}"),
    ),
    lines("Event loop, 99th percentile", "s", "", one(`nodejs_eventloop_lag_p99_seconds{${D}}`, "{{instance}}")),
  ],
};

const preheat: Dashboard = {
  name: "preheat",
  title: "Darner: preheats",
  panels: [
    stat("Jobs running", "short", "", `sum(darner_scheduler_preheat_jobs{${D},state=~"pending|running"})`),
    stat(
      "Warmed",
      "bytes",
      "Bytes held by the hosts of jobs that ended in this time.",
      `sum(increase(darner_scheduler_preheat_bytes_total{${D}}[$__range]))`,
    ),
    stat(
      "Not all warmed",
      "short",
      "Jobs of this time that ended as failed or partial.",
      `sum(increase(darner_scheduler_preheat_jobs_over_total{${D},state=~"failed|partial"}[$__range])) or vector(0)`,
    ),
    stat(
      "Turned away",
      "short",
      "Jobs of this time.",
      `sum(increase(darner_scheduler_preheat_refused_total{${D}}[$__range])) or vector(0)`,
    ),
    lines(
      "Jobs that ended",
      "short",
      "A second, by who asked and how.",
      one(rate("darner_scheduler_preheat_jobs_over_total", "via, state"), "{{via}} {{state}}"),
      true,
    ),
    lines(
      "Jobs that are kept",
      "short",
      "By how they stand.",
      one(`sum by (state) (darner_scheduler_preheat_jobs{${D}})`, "{{state}}"),
      true,
    ),
    lines(
      "To the first copy",
      "s",
      "From a job's creation until the first host held everything.",
      quantiles("darner_scheduler_preheat_first_copy_seconds"),
    ),
    lines(
      "Images looked up",
      "short",
      "A second, by outcome.",
      one(rate("darner_scheduler_preheat_images_total", "outcome"), "{{outcome}}"),
    ),
  ],
};

/** Every dashboard of the chart. */
export const DASHBOARDS: readonly Dashboard[] = [overview, daemon, scheduler, preheat];

const WIDTH = 24;
const SIZES = { stat: { w: 6, h: 4 }, timeseries: { w: 12, h: 8 } } as const;

/** The dashboard as Grafana 9 and later import it. */
export function dashboardJson({ name, title, panels }: Dashboard): string {
  let [x, y, height] = [0, 0, 0];
  const placed = panels.map((panel, at) => {
    const { w, h } = SIZES[panel.kind];
    if (x + w > WIDTH || (height !== 0 && height !== h)) [x, y] = [0, y + height];
    height = h;
    const made = panelJson(panel, at + 1, { x, y, w, h });
    x += w;
    return made;
  });
  const source = { name: "datasource", type: "datasource", query: "prometheus", label: "Data source" };
  const job = {
    name: "job",
    type: "query",
    label: "Job",
    datasource: { type: "prometheus", uid: "${datasource}" },
    query: { query: 'label_values({__name__=~"darner_.*"}, job)', refId: "job" },
    includeAll: true,
    allValue: ".*",
    multi: true,
    refresh: 2,
    current: { text: "All", value: "$__all" },
  };
  const board = {
    uid: `darner-${name}`,
    title,
    tags: ["darner"],
    schemaVersion: 39,
    timezone: "browser",
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    templating: { list: [source, job] },
    panels: placed,
  };
  return `${JSON.stringify(board, undefined, 1)}\n`;
}

type Place = { readonly x: number; readonly y: number; readonly w: number; readonly h: number };

function panelJson(panel: Panel, id: number, gridPos: Place): unknown {
  const datasource = { type: "prometheus", uid: "${datasource}" };
  const custom = panel.stacked === true ? { custom: { stacking: { mode: "normal" }, fillOpacity: 40 } } : {};
  return {
    id,
    type: panel.kind,
    title: panel.title,
    description: panel.about,
    datasource,
    gridPos,
    fieldConfig: { defaults: { unit: panel.unit, min: 0, ...custom }, overrides: [] },
    targets: panel.queries.map(({ expr, legend }, at) => ({ refId: String.fromCharCode(65 + at), datasource, expr, legendFormat: legend })),
  };
}
