import { bytesText } from "../text.ts";

type Named = { readonly host: string; readonly name: string };

/** What the scheduler says of one blob (`GET /api/v1/blobs/{digest}`): a digest that is claimed with two sizes has two swarms. */
export type SwarmAnswer = {
  readonly swarms: readonly {
    readonly bytes: number;
    readonly pieces: number;
    readonly proven: number;
    readonly waiting: number;
    readonly holders: number;
    readonly sourceReads: number;
    readonly leftOut: number;
    readonly hosts: readonly (Named & {
      readonly held: number;
      readonly proven: boolean;
      readonly waiting: boolean;
      readonly reading: number;
      readonly from: readonly (Named & { readonly pieces: number })[];
    })[];
  }[];
};

// As many as fit on a screen; --json has all that the scheduler tells.
const MAX_HOSTS = 24;

/** What the swarm holds of a blob and who feeds whom, for people. */
export function swarmText({ swarms }: SwarmAnswer): string {
  if (swarms.length === 0) return "  the scheduler knows of no host that holds it or wants it\n";
  const lines = swarms.flatMap((swarm) => {
    const { bytes, pieces, proven, waiting, holders, sourceReads, hosts } = swarm;
    const counts = `${String(holders)} hold some of it, ${String(proven)} all of it, ${String(waiting)} wait for more, ${String(sourceReads)} reads of the source under way`;
    const leftOut = swarm.leftOut + Math.max(0, hosts.length - MAX_HOSTS);
    return [
      `  in the swarm, as the scheduler knows it (${bytesText(bytes)} in ${String(pieces)} pieces): ${counts}`,
      ...hosts.slice(0, MAX_HOSTS).map((host) => `    ${nameOf(host)}  ${String(host.held)} pieces${stateText(host)}`),
      ...(leftOut > 0 ? [`    and ${String(leftOut)} more`] : []),
    ];
  });
  return `${lines.join("\n")}\n`;
}

type SwarmHost = SwarmAnswer["swarms"][number]["hosts"][number];

function stateText({ proven, waiting, reading, from }: SwarmHost): string {
  if (proven) return ", proven";
  const parts = [
    ...(reading > 0 ? [`${String(reading)} from the source`] : []),
    ...from.map((parent) => `${String(parent.pieces)} from ${nameOf(parent)}`),
  ];
  if (parts.length > 0) return `, is to have ${parts.join(", ")}`;
  return waiting ? ", waits and is promised nothing" : "";
}

function nameOf({ host, name }: Named): string {
  return name === "" ? `…${host.slice(-8)}` : `${name} (…${host.slice(-8)})`;
}
