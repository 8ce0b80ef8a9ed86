import { parseDigest, type Digest } from "@darner/domain";
import type { SwarmView } from "@darner/scheduler-core";
import { z } from "zod";
import type { HostBook } from "../../members/host-book.ts";
import { problem, type ApiRoute } from "../route.ts";

/** What tells of swarms. */
export type Swarms = { swarms(digest: Digest, most: number): SwarmView[] };

// More than anybody reads; the counts are of all.
const MAX_HOSTS_SHOWN = 256;

const count = z.int().nonnegative();
const swarm = z.object({
  digest: z.string(),
  bytes: count,
  pieces: count,
  proven: count,
  waiting: count,
  holders: count,
  sourceReads: count,
  leftOut: count,
  hosts: z.array(
    z.object({
      host: z.string(),
      name: z.string(),
      registry: z.string(),
      held: count,
      proven: z.boolean(),
      waiting: z.boolean(),
      reading: count,
      from: z.array(z.object({ host: z.string(), name: z.string(), pieces: count })),
    }),
  ),
});
const answer = z.object({ swarms: z.array(swarm) });

/** `GET /api/v1/blobs/{digest}`: what the swarm holds of a blob, and who feeds whom. */
export function blobRoutes(swarms: Swarms, book: Pick<HostBook, "get">): readonly ApiRoute[] {
  const about = {
    summary: "What the hosts hold of a blob, who waits for it, and who feeds whom.",
    params: { digest: "sha256: and 64 hexadecimal digits, or sha512: and 128." },
    answer,
  };
  const named = <Row extends { readonly host: SwarmView["members"][number]["host"] }>(row: Row): Row & { readonly name: string } => ({
    ...row,
    name: book.get(row.host)?.name ?? "",
  });
  return [
    {
      method: "GET",
      path: "/api/v1/blobs/:digest",
      access: "token",
      face: "api",
      about,
      handle: ({ params }) => {
        const parsed = parseDigest(params["digest"] ?? "");
        if (!parsed.ok || !parsed.known) return problem(400, "the path needs a whole digest: sha256: and 64 hexadecimal digits");
        const found = swarms.swarms(parsed.digest, MAX_HOSTS_SHOWN).map(({ task, members, stripes, ...counts }) => ({
          digest: task.digest,
          bytes: task.size,
          ...counts,
          sourceReads: stripes,
          hosts: members.map(({ from, ...member }) => ({ ...named(member), from: from.map(named) })),
        }));
        return { status: 200, body: { swarms: found } };
      },
    },
  ];
}
