import { parseHostId } from "@darner/domain";
import type { Members } from "../members/open-members.ts";
import type { ApiAnswer, ApiRoute } from "./api.ts";

/** `GET /api/v1/hosts` and `DELETE /api/v1/hosts/{id}`: who is a member, and who is no more. */
export function hostRoutes({ book, remove }: Pick<Members, "book" | "remove">): readonly ApiRoute[] {
  return [
    { method: "GET", path: "/api/v1/hosts", handle: () => ({ status: 200, body: { hosts: book.hosts() } }) },
    { method: "DELETE", path: "/api/v1/hosts/{id}", handle: ({ params }) => removeHost(params["id"] ?? "", remove) },
  ];
}

async function removeHost(id: string, remove: Members["remove"]): Promise<ApiAnswer> {
  const host = parseHostId(id);
  if (host === undefined) return { status: 400, body: { error: "the path needs a whole host id: 12D3KooW… (darner hosts list)" } };
  const removal = await remove(host);
  switch (removal) {
    case undefined:
      return { status: 409, body: { error: "everybody is let in here (join.insecure): there is nobody to remove" } };
    case "list-full":
      return {
        status: 409,
        body: { error: "as many hosts were removed under this signing key as can be: begin a new cluster with a new key" },
      };
    case "removed":
    case "already-removed":
      return { status: 200, body: { host, removed: true } };
  }
}
