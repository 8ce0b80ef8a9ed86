import { isHeaderValue } from "./header-value.ts";

/**
 * A registry's `Link` headers for a client of the mirror: relative to the mirror's own path and with `ns` again, because clients
 * follow them as they are (contract 1.8). Undefined where a next page lies elsewhere: leaving it out would hide tags or signatures.
 */
export function relativeLinks(links: readonly string[], path: string, ns: string | undefined): string[] | undefined {
  const relative: string[] = [];
  for (const [, target = "", parameters = ""] of links.flatMap((link) => [...link.matchAll(/<([^>]*)>([^<]*)/g)])) {
    if (!/;\s*rel\s*=\s*"?next"?/i.test(parameters)) continue;
    const query = nextQuery(target, path);
    if (query === undefined) return undefined;
    const withNs = ns === undefined ? query : `${query}${query === "" ? "" : "&"}ns=${encodeURIComponent(ns)}`;
    const link = `<${path}${withNs === "" ? "" : `?${withNs}`}>; rel="next"`;
    if (!isHeaderValue(link)) return undefined;
    relative.push(link);
  }
  return relative;
}

/** The query of a next page, `ns` taken out; undefined where the page is not of this very listing. */
function nextQuery(target: string, path: string): string | undefined {
  const url = URL.parse(target, `http://registry.invalid${path}`);
  const ending = path.split("/").slice(-2).join("/");
  if (url === null || !decodeURIComponentSafe(url.pathname).endsWith(`/${ending}`)) return undefined;
  return url.search
    .slice(1)
    .split("&")
    .filter((parameter) => !parameter.startsWith("ns="))
    .join("&");
}

function decodeURIComponentSafe(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
