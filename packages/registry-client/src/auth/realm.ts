import { isIP } from "node:net";
import { bareHostname } from "../wire/host-name.ts";
import { isHost, type Upstream } from "../wire/upstream.ts";
import { parseChallenges } from "./challenge.ts";
import { registrableDomain } from "./registrable-domain.ts";

// Registries whose token service is under another domain than themselves.
const KNOWN_REALMS: Readonly<Record<string, readonly string[]>> = { "docker.io": ["auth.docker.io"] };

/**
 * A challenge's realm as a URL, where tokens may be fetched from it: it belongs to the registry's owner, or the operator listed it.
 * A registry that names a stranger's realm would have credentials sent to the stranger (contracts/registry-mirror.md 3.1, case 79).
 */
export function safeRealm(upstream: Upstream, realm: string): URL | undefined {
  if (!URL.canParse(realm)) return undefined;
  const url = new URL(realm);
  if (url.username !== "" || url.password !== "") return undefined;
  if (url.protocol !== "https:" && !(url.protocol === "http:" && upstream.base.protocol === "http:")) return undefined;
  return isOwn(upstream, url) || isNamed(upstream, url) ? url : undefined;
}

/** The challenges that may be shown to a client: those of which every realm is safe, as they came. */
export function safeChallenges(upstream: Upstream, challenges: readonly string[]): string[] {
  return challenges.filter((value) =>
    parseChallenges([value]).every(({ scheme, params }) => {
      const realm = params.get("realm");
      // Only a Bearer realm is an address; that of Basic is a text for people.
      return scheme === "basic" || realm === undefined || safeRealm(upstream, realm) !== undefined;
    }),
  );
}

function isOwn(upstream: Upstream, url: URL): boolean {
  const [own, other] = [bareHostname(upstream.base), bareHostname(url)];
  if (own === other) return true;
  if (isIP(own) !== 0 || isIP(other) !== 0) return false;
  const domain = registrableDomain(own);
  return domain !== undefined && domain === registrableDomain(other);
}

function isNamed(upstream: Upstream, url: URL): boolean {
  const known = Object.hasOwn(KNOWN_REALMS, upstream.name) ? (KNOWN_REALMS[upstream.name] ?? []) : [];
  return [...known, ...(upstream.entry.realms ?? [])].some((realm) => (realm.includes("://") ? isUnder(url, realm) : isHost(url, realm)));
}

function isUnder(url: URL, prefix: string): boolean {
  if (!URL.canParse(prefix)) return false;
  const { origin, pathname } = new URL(prefix);
  const folder = pathname.endsWith("/") ? pathname : `${pathname}/`;
  return url.origin === origin && (url.pathname === pathname || url.pathname.startsWith(folder));
}
