import {
  openScriptedRegistry,
  type AskedAtDoor,
  type DoorAnswer,
  type LoggedRequest,
  type ScriptedRegistry,
} from "../scripted-registry/scripted-registry.ts";
import { fixtureBlob, type BuiltImage } from "../fixtures.ts";
import type { PreheatArtifact } from "./driver.ts";
import { PullTokens, projectOf } from "./pull-token.ts";

/** How a fake Harbor is set up. */
export type HarborRegistryPlan = {
  readonly publicProjects?: readonly string[];
  /** Robot accounts and users with their passwords: credentials of Darner's own. */
  readonly users?: Readonly<Record<string, string>>;
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Blobs are redirects to another host, as with object storage. Default: true. */
  readonly redirectsBlobs?: boolean;
  /** How long a token is taken after its end; Harbor's own is 60 s. */
  readonly skewSeconds?: number;
};

/** Harbor's registry side, in this process: its rules for tokens, media types, policies and pull counts. */
export type HarborRegistry = AsyncDisposable & {
  readonly registry: ScriptedRegistry;
  readonly tokens: PullTokens;
  /** Manifest GETs that were answered, by path: what Harbor counts as pulls. */
  pulls(): ReadonlyMap<string, number>;
  /** Blob GETs that sent bytes, on either host. */
  blobReads(): readonly LoggedRequest[];
  /** From now on this digest (or all of a project, by name) may not be pulled. */
  forbid(what: string): void;
  /** What a policy hands to a task for a tag. `lifetimeSeconds` is that of its token. */
  artifact(repository: string, tag: string, options?: { readonly lifetimeSeconds?: number }): PreheatArtifact;
  /** Puts an image under a tag and gives its artifact. */
  push(repository: string, image: BuiltImage, tag: string): PreheatArtifact;
};

// What a client of Harbor must name to be given a manifest of each type.
const KNOWN_TYPES = [
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
];
const INDEX_TYPES = [KNOWN_TYPES[1], KNOWN_TYPES[3]];

/** Opens a fake Harbor on loopback. */
export async function openHarborRegistry(plan: HarborRegistryPlan = {}): Promise<HarborRegistry> {
  const tokens = new PullTokens(plan.skewSeconds);
  const door = new HarborDoor(plan, tokens);
  const registry = await openScriptedRegistry({
    door: (asked) => door.answer(asked),
    ...(plan.tls === undefined ? {} : { tls: plan.tls }),
  });
  door.origin = registry.origin;
  if (plan.redirectsBlobs ?? true) registry.fault({ when: { kind: "blob", method: "GET" }, do: { kind: "redirect", to: "second" } });
  const artifact: HarborRegistry["artifact"] = (repository, tag, options = {}) => ({
    url: `${registry.origin}/v2/${repository}/manifests/${tag}`,
    imageName: repository,
    tag,
    digest: registry.content.manifest(repository, tag)?.digest ?? fixtureBlob(new Uint8Array()).digest,
    headers: { Authorization: `Bearer ${tokens.mint({ repository, ...options })}` },
  });
  return {
    registry,
    tokens,
    pulls: () => countedPulls(registry.requests),
    blobReads: () => registry.requests.filter(({ kind, method, bodyBytes }) => kind === "blob" && method === "GET" && bodyBytes > 0),
    forbid: (what) => void door.forbidden.add(what),
    artifact,
    push: (repository, image, tag) => {
      registry.content.push(repository, image, tag);
      return artifact(repository, tag);
    },
    [Symbol.asyncDispose]: () => registry.close(),
  };
}

class HarborDoor {
  origin = "";
  readonly forbidden = new Set<string>();
  readonly #plan: HarborRegistryPlan;
  readonly #tokens: PullTokens;

  constructor(plan: HarborRegistryPlan, tokens: PullTokens) {
    this.#plan = plan;
    this.#tokens = tokens;
  }

  answer(asked: AskedAtDoor): DoorAnswer | undefined {
    const { route, headers, manifest } = asked;
    if (route.kind === "token") return this.#token(asked);
    const repository = "repository" in route ? route.repository : undefined;
    if (!this.#mayCome(headers.authorization, repository)) return this.#challenge(headers.authorization, repository);
    if (route.kind !== "manifest" || manifest === undefined) return undefined;
    const project = projectOf(route.repository);
    const isIndex = INDEX_TYPES.includes(manifest.mediaType);
    if (!isIndex && (this.forbidden.has(manifest.digest) || this.forbidden.has(project)))
      return refused(412, "PROJECTPOLICYVIOLATION", POLICY);
    const accepted = (headers.accept ?? "").split(",").map((one) => one.split(";")[0]?.trim() ?? "");
    // The registry behind Harbor gives an OCI type only to who names it.
    if (KNOWN_TYPES.includes(manifest.mediaType) && !accepted.includes(manifest.mediaType) && !accepted.includes("*/*"))
      return refused(404, "MANIFEST_UNKNOWN", `${manifest.mediaType} found, but accept header does not support it`);
    return undefined;
  }

  /** A request without a header is never let in, not even to a public project. */
  #mayCome(authorization: string | undefined, repository: string | undefined): boolean {
    if (authorization === undefined) return false;
    if (repository !== undefined && this.#plan.publicProjects?.includes(projectOf(repository)) === true) return true;
    const token = /^bearer (.+)$/i.exec(authorization)?.[1];
    if (token === undefined) return this.#userOf(authorization) !== undefined;
    return repository === undefined || this.#tokens.opens(token, repository);
  }

  #challenge(authorization: string | undefined, repository: string | undefined): DoorAnswer {
    const scope = repository === undefined ? "" : `,scope="repository:${repository}:pull"`;
    const bearer = `Bearer realm="${this.origin}/service/token",service="harbor-registry"${scope}`;
    const value = authorization === undefined ? bearer : `Basic realm="harbor"`;
    const text = `unauthorized to access repository: ${repository ?? ""}, action: pull`;
    return { ...refused(401, "UNAUTHORIZED", text), headers: { "content-type": "application/json", "www-authenticate": value } };
  }

  #token({ query, headers }: AskedAtDoor): DoorAnswer {
    if (headers.authorization !== undefined && this.#userOf(headers.authorization) === undefined)
      return refused(401, "UNAUTHORIZED", "unauthorized");
    const repository = /^repository:([^:]+):/.exec(query.get("scope") ?? "")?.[1] ?? "";
    const mayPull = headers.authorization !== undefined || this.#plan.publicProjects?.includes(projectOf(repository)) === true;
    // Who may not pull gets a token as well: one that opens nothing.
    const token = this.#tokens.mint({ repository: mayPull ? repository : "/" });
    const body = JSON.stringify({ token, access_token: "", expires_in: 1800, issued_at: new Date().toISOString() });
    return { status: 200, headers: { "content-type": "application/json" }, body };
  }

  #userOf(authorization: string): string | undefined {
    const pair = /^basic (.+)$/i.exec(authorization)?.[1];
    const [user = "", ...password] = Buffer.from(pair ?? "", "base64")
      .toString("utf8")
      .split(":");
    const users = this.#plan.users ?? {};
    return Object.hasOwn(users, user) && users[user] === password.join(":") ? user : undefined;
  }
}

const POLICY = "current image without vulnerability scanning cannot be pulled due to configured policy in 'Prevent images from running'";

function refused(status: number, code: string, message: string): DoorAnswer {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify({ errors: [{ code, message }] }) };
}

function countedPulls(requests: readonly LoggedRequest[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { kind, method, status, path } of requests)
    if (kind === "manifest" && method === "GET" && status === 200) counts.set(path, (counts.get(path) ?? 0) + 1);
  return counts;
}
