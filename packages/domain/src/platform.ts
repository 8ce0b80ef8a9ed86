// The variant that is meant where none is named (containerd's normalisation).
const DEFAULT_VARIANTS: Readonly<Record<string, string>> = { "linux/arm64": "v8", "linux/arm": "v7", "linux/amd64": "v1" };
const ALIASES: Readonly<Record<string, string>> = { x86_64: "amd64", "x86-64": "amd64", aarch64: "arm64", armhf: "arm", i386: "386" };
const PLATFORM = /^[a-z0-9]+\/[a-z0-9_-]+(?:\/[a-z0-9.]+)?$/;
// Node's names where OCI has others.
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", mips: "mips", mipsel: "mipsle", ppc64: "ppc64le" };
const SYSTEMS: Readonly<Record<string, string>> = { win32: "windows" };

/** A platform as `os/arch[/variant]` in OCI's words; undefined where it is none. */
export function parsePlatform(text: string): string | undefined {
  const lower = text.toLowerCase();
  if (!PLATFORM.test(lower)) return undefined;
  const [os = "", arch = "", variant] = lower.split("/");
  return [os, ALIASES[arch] ?? arch, ...(variant === undefined ? [] : [variant])].join("/");
}

/** The platform a process runs on, as images name theirs: `os/arch[/variant]`. */
export function hostPlatform({
  platform,
  arch,
  config,
}: {
  readonly platform: string;
  readonly arch: string;
  readonly config: { readonly variables: Readonly<Record<string, unknown>> };
}): string {
  const version = config.variables["arm_version"];
  const variant = arch === "arm" ? `/v${typeof version === "string" ? version : "7"}` : arch === "arm64" ? "/v8" : "";
  return `${SYSTEMS[platform] ?? platform}/${ARCHITECTURES[arch] ?? arch}${variant}`;
}

/** Of what is made for platforms what a host of `wanted` runs best: the same variant, else the closest lower one, as containerd would; undefined where nothing is. */
export function fittingPlatform<One extends { readonly platform?: string }>(wanted: string, made: readonly One[]): One | undefined {
  const { base, variant } = split(wanted);
  const fitting = made
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
