// Node's names where OCI has others.
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", mips: "mips", mipsel: "mipsle", ppc64: "ppc64le" };
const SYSTEMS: Readonly<Record<string, string>> = { win32: "windows" };

/** The platform this process runs on, as images name theirs: `os/arch[/variant]`. */
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
