import { parseHostId } from "@darner/domain";
import { z } from "zod";
import type { Members } from "../members/open-members.ts";
import { problem, type ApiAnswer, type ApiRoute } from "./route.ts";

const hosts = z.object({ hosts: z.array(z.looseObject({ host: z.string() })) });
const removed = z.object({ host: z.string(), removed: z.literal(true) });

/** `GET /api/v1/hosts` and `DELETE /api/v1/hosts/{id}`: who is a member, and who is no more. */
export function hostRoutes({ book, remove }: Pick<Members, "book" | "remove">): readonly ApiRoute[] {
  return [
    {
      method: "GET",
      path: "/api/v1/hosts",
      access: "token",
      face: "api",
      about: { summary: "The members, and which of them have a session.", answer: hosts },
      handle: () => ({ status: 200, body: { hosts: book.hosts() } }),
    },
    {
      method: "DELETE",
      path: "/api/v1/hosts/:id",
      access: "token",
      face: "api",
      about: { summary: "Removes a member, at once and for good.", params: { id: "The host's id." }, answer: removed },
      handle: ({ params }) => removeHost(params["id"] ?? "", remove),
    },
  ];
}

async function removeHost(id: string, remove: Members["remove"]): Promise<ApiAnswer> {
  const host = parseHostId(id);
  if (host === undefined) return problem(400, "the path needs a whole host id: 12D3KooW… (darner hosts list)");
  const removal = await remove(host);
  switch (removal) {
    case undefined:
      return problem(409, "everybody is let in here (join.insecure): there is nobody to remove");
    case "list-full":
      return problem(409, "as many hosts were removed under this signing key as can be: begin a new cluster with a new key");
    case "removed":
    case "already-removed":
      return { status: 200, body: { host, removed: true } };
  }
}
