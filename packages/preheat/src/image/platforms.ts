import type { Named } from "./read-manifest.ts";

/** Which of an index's manifests are warmed, and what else there is. */
export type Choice = {
  readonly chosen: readonly Named[];
  /** The platforms of the chosen ones, as the index writes them. */
  readonly platforms: readonly string[];
  readonly otherPlatforms: readonly string[];
  /** Wanted platforms for which there is nothing. */
  readonly lacking: readonly string[];
};

// What attestations and signatures beside an image are labelled with: no host runs that.
const NO_PLATFORM = "unknown/unknown";
// The variant that is meant where none is named (containerd's normalisation).
const DEFAULT_VARIANTS: Readonly<Record<string, string>> = { "linux/arm64": "v8", "linux/arm": "v7", "linux/amd64": "v1" };
const ALIASES: Readonly<Record<string, string>> = { x86_64: "amd64", "x86-64": "amd64", aarch64: "arm64", armhf: "arm", i386: "386" };
const PLATFORM = /^[a-z0-9]+\/[a-z0-9_-]+(?:\/[a-z0-9.]+)?$/;

/** A platform as `os/arch[/variant]` in OCI's words; undefined where it is none. */
export function parsePlatform(text: string): string | undefined {
  const lower = text.toLowerCase();
  if (!PLATFORM.test(lower)) return undefined;
  const [os = "", arch = "", variant] = lower.split("/");
  return [os, ALIASES[arch] ?? arch, ...(variant === undefined ? [] : [variant])].join("/");
}

/**
 * Chooses the manifests for platforms: for each the one of the same variant, else the closest lower one, as containerd would.
 * Without a wish every platform is chosen. A manifest that names no platform is for everybody.
 */
export function choosePlatforms(manifests: readonly Named[], wanted: readonly string[] | undefined): Choice {
  const real = manifests.filter(({ platform }) => platform !== NO_PLATFORM);
  const anyone = real.filter(({ platform }) => platform === undefined);
  const named = real.filter(({ platform }) => platform !== undefined);
  const picked = wanted === undefined ? named : wanted.flatMap((platform) => best(platform, named) ?? []);
  const chosen = [...new Set([...picked, ...anyone])];
  const platforms = [...new Set(picked.flatMap(({ platform }) => platform ?? []))];
  const others = named.flatMap(({ platform }) => platform ?? []).filter((platform) => !platforms.includes(platform));
  const lacking = anyone.length > 0 ? [] : (wanted ?? []).filter((platform) => best(platform, named) === undefined);
  return { chosen, platforms, otherPlatforms: [...new Set(others)], lacking };
}

/** Which of these platforms a host of `wanted` runs; undefined where none. */
export function platformFor(wanted: string, platforms: readonly string[]): string | undefined {
  return best(
    wanted,
    platforms.map((platform) => ({ platform })),
  )?.platform;
}

function best<One extends { readonly platform?: string }>(wanted: string, named: readonly One[]): One | undefined {
  const { base, variant } = split(wanted);
  const fitting = named
    .map((one) => ({ one, ...split(one.platform ?? "") }))
    .filter((candidate) => candidate.base === base && rank(candidate.variant) <= rank(variant));
  // Of two that fit the higher variant is meant for this host.
  return fitting.sort((a, b) => rank(b.variant) - rank(a.variant))[0]?.one;
}

function split(platform: string): { readonly base: string; readonly variant: string } {
  const [os = "", arch = "", variant] = (parsePlatform(platform) ?? platform).split("/");
  const base = `${os}/${arch}`;
  return { base, variant: variant ?? DEFAULT_VARIANTS[base] ?? "" };
}

function rank(variant: string): number {
  return Number(/\d+/.exec(variant)?.[0] ?? 0);
}
