import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { versionOf } from "../bundle/bundle.ts";
import { packFolder } from "./tar.ts";

/** What the chart is packed with. */
export type ChartPlan = {
  readonly root: string;
  readonly work: string;
  readonly out: string;
  readonly epoch: number;
  readonly isQuick: boolean;
};

const CHART = "helm/darner";

/** Packs the chart as `helm package` does, but the same to the last byte each time. */
export function packChart({ root, work, out, epoch }: ChartPlan): string {
  const [packed, unpacked] = [join(work, "chart"), join(work, "chart-unpacked")];
  for (const folder of [packed, unpacked]) mkdirSync(folder);
  helm("package", join(root, CHART), "--destination", packed);
  const [name = ""] = readdirSync(packed);
  execFileSync("tar", ["--extract", "--gzip", "--file", join(packed, name), "--directory", unpacked]);
  return packFolder(unpacked, join(out, name), { epoch, level: 9 });
}

/** Renders the chart with its own defaults into one file for kubectl apply, its namespace included. */
export function renderManifests({ root, out }: ChartPlan): string {
  const namespace = "darner";
  // A privileged namespace: the daemon's pods use the network of their node.
  const labels = `    pod-security.kubernetes.io/enforce: privileged\n`;
  const head = `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${namespace}\n  labels:\n${labels}`;
  const rendered = helm(
    "template",
    "darner",
    join(root, CHART),
    "--namespace",
    namespace,
    "--no-hooks",
    "--skip-tests",
    "--set",
    "checkSecrets=false",
  );
  const file = join(out, `darner-${versionOf(root)}-manifests.yaml`);
  writeFileSync(file, `${head}${rendered}`);
  return file;
}

function helm(...words: string[]): string {
  const program = process.env["HELM"] || "helm";
  try {
    return execFileSync(program, words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new Error(
        `the chart needs Helm 3 or 4: there is no ${program}; set HELM to its path, or leave chart and manifests out (--only)`,
        { cause: error },
      );
    }
    throw error;
  }
}
