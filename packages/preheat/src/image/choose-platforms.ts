import { fittingPlatform, type Descriptor } from "@darner/domain";

/** Which of an index's manifests are warmed, and what else there is. */
export type Choice = {
  readonly chosen: readonly Descriptor[];
  /** The platforms of the chosen ones, as the index writes them. */
  readonly platforms: readonly string[];
  readonly otherPlatforms: readonly string[];
  /** Wanted platforms for which there is nothing. */
  readonly lacking: readonly string[];
};

// What attestations and signatures beside an image are labelled with: no host runs that.
const NO_PLATFORM = "unknown/unknown";

/** Chooses the manifests for platforms, for each the one that fits it best. Without a wish every platform is chosen. A manifest that names no platform is for everybody. */
export function choosePlatforms(manifests: readonly Descriptor[], wanted: readonly string[] | undefined): Choice {
  const real = manifests.filter(({ platform }) => platform !== NO_PLATFORM);
  const anyone = real.filter(({ platform }) => platform === undefined);
  const named = real.filter(({ platform }) => platform !== undefined);
  const picked = wanted === undefined ? named : wanted.flatMap((platform) => fittingPlatform(platform, named) ?? []);
  const chosen = [...new Set([...picked, ...anyone])];
  const platforms = [...new Set(picked.flatMap(({ platform }) => platform ?? []))];
  const others = named.flatMap(({ platform }) => platform ?? []).filter((platform) => !platforms.includes(platform));
  const lacking = anyone.length > 0 ? [] : (wanted ?? []).filter((platform) => fittingPlatform(platform, named) === undefined);
  return { chosen, platforms, otherPlatforms: [...new Set(others)], lacking };
}
