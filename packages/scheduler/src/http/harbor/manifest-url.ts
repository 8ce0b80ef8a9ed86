import { isRegistryHost, isRepositoryName, isTag, normalRegistry, parseDigest } from "@darner/domain";
import type { ImageReference } from "@darner/preheat";
import { refused, shown, taken, type Read } from "./problem.ts";

// Host, repository, reference and what stands between them: 255 each at most.
const MAX_URL_CHARS = 1024;

/** Reads `<scheme>://<host>/v2/<repository>/manifests/<tag or digest>` (contracts/harbor-preheat.md 1.5); the repository may hold slashes. */
export function readManifestUrl(text: string): Read<ImageReference> {
  if (text.length > MAX_URL_CHARS) return refused(`args.url is longer than ${String(MAX_URL_CHARS)} characters`);
  const match = /^(https?):\/\/([^/?#]+)\/v2\/([^?#]+)$/i.exec(text);
  const path = match?.[3] ?? "";
  const at = path.lastIndexOf("/manifests/");
  if (match === null || at < 0)
    return refused(`args.url has to be <scheme>://<host>/v2/<repository>/manifests/<tag or digest>, not ${shown(text)}`);
  const host = (match[2] ?? "").toLowerCase();
  if (host.includes("@")) return refused("args.url holds a user name: a credential goes into args.headers");
  const registry = normalRegistry(host);
  if (!isRegistryHost(registry)) return refused(`args.url names ${shown(host)}, which is no registry host`);
  const [name, reference] = [path.slice(0, at), path.slice(at + "/manifests/".length)];
  if (!isRepositoryName(name)) return refused(`args.url names ${shown(name)}, which is no repository name`);
  const image = { repository: { registry, name }, scheme: (match[1] ?? "").toLowerCase() === "http" ? "http" : "https" } as const;
  if (isTag(reference)) return taken({ ...image, tag: reference });
  const digest = parseDigest(reference);
  if (!digest.ok || !digest.known)
    return refused(`args.url names ${shown(reference)}, which is neither a tag nor a digest that can be checked`);
  return taken({ ...image, digest: digest.digest });
}
