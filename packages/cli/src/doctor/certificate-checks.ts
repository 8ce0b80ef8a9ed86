import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Config } from "@darner/runtime";
import { amiss, well, type Finding } from "./finding.ts";

const DAY_MS = 86_400_000;
// Time to have a new one made where that takes people.
const SOON_DAYS = 21;
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Every file of certificates that the configuration names: whether it can be read, and when the first certificate in it ends. */
export async function certificateChecks(config: Config, today: () => number = Date.now): Promise<Finding[]> {
  const registries = Object.entries(config.registries).flatMap(([name, { caFile }]) =>
    caFile === undefined ? [] : [{ key: `registries.${name}.caFile`, file: caFile }],
  );
  const own = config.api.tls === undefined ? [] : [{ key: "api.tls.certFile", file: config.api.tls.certFile }];
  const findings = await Promise.all([...registries, ...own].map(({ key, file }) => fileCheck(key, file, today())));
  // Hosts and schedulers prove their keys; their own certificates never end.
  return findings.length > 0 ? findings : [well("certificates.expiry", "the configuration names none that could end")];
}

async function fileCheck(key: string, file: string, now: number): Promise<Finding> {
  const id = "certificates.expiry";
  const what = `${key} (${file})`;
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    return amiss(
      id,
      "error",
      `${what} cannot be read: ${String(error)}`,
      "put the certificates (PEM) there, readable for the daemon, or mend the key",
    );
  }
  const ends = endsOf(text);
  if (ends === undefined) return amiss(id, "error", `${what} holds no certificate that can be read`, "put certificates as PEM there");
  const days = Math.floor((ends - now) / DAY_MS);
  const date = new Date(ends).toISOString().slice(0, 10);
  if (days < 0) return amiss(id, "error", `${what} holds a certificate that ended on ${date}`, "replace it, then restart the daemon");
  if (days < SOON_DAYS)
    return amiss(
      id,
      "warning",
      `${what} holds a certificate that ends on ${date}, in ${String(days)} days`,
      "replace it in time, then restart the daemon",
    );
  return well(id, `${what} is good until ${date}`);
}

/** When the first of the certificates in a text ends; undefined where there is none, or one that cannot be read. */
function endsOf(text: string): number | undefined {
  try {
    const ends = (text.match(BLOCK) ?? []).map((block) => new X509Certificate(block).validToDate.getTime());
    return ends.length === 0 ? undefined : Math.min(...ends);
  } catch {
    return undefined;
  }
}
