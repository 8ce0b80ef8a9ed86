import { NodeFiles, openCri, probe, type LeaseReport, type ProbeOutcome } from "@darner/node-setup";
import { systemClock } from "@darner/runtime";
import { askAdmin } from "../admin-client.ts";
import { socketOf, type NodeValues } from "./node-flags.ts";

// The daemon is on this very host.
const ANSWER_MS = 2000;

/** Has the runtime prove that it asks the mirror of the daemon at `admin`; undefined where its socket is not here. */
export async function probeRuntime(values: NodeValues, admin: string, signal: AbortSignal): Promise<ProbeOutcome | undefined> {
  const socket = await socketOf(values, new NodeFiles(values.root));
  if (socket === undefined) return undefined;
  using cri = openCri(socket);
  const arrived = async (registry: string): Promise<boolean> => {
    const answer = await askAdmin(admin, `/api/v1/probes/${registry}`, signal);
    return answer.ok && (answer.body as { arrived?: unknown } | null)?.arrived === true;
  };
  return await probe({ cri, arrived, timers: systemClock }, signal);
}

/** Tells the daemon how node set-up stands; one that does not answer is told the next time. */
export async function reportTo(admin: string, report: LeaseReport): Promise<void> {
  const headers = { "content-type": "application/json" };
  const sent = { method: "PUT", headers, body: JSON.stringify(report), signal: AbortSignal.timeout(ANSWER_MS) };
  await fetch(`http://${admin}/api/v1/node-setup`, sent)
    .then((response) => response.arrayBuffer())
    .catch(() => undefined);
}
