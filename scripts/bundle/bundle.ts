import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build, type Metafile } from "esbuild";
import { filesBesideCode } from "./files-beside-code.ts";
import { bundledPackages, thirdPartyText, type BundledPackage } from "./third-party.ts";
import { nativeAddons, putAddons, type Arch } from "./native-addons.ts";

/** What to build, and where. */
export type BundleOptions = {
  /** The checkout. */
  readonly root: string;
  /** The folder that is made anew. */
  readonly out: string;
  /** For which machines the native addons are put in. */
  readonly archs: readonly Arch[];
  /** What the kernel starts `main.js` with: the words behind `#!`. */
  readonly interpreter: string;
  /** Where the packages with the native addons of another machine lie; absent: the checkout's own. */
  readonly nodeModules?: string;
};

/** What was built. */
export type Bundle = { readonly out: string; readonly metafile: Metafile; readonly packages: readonly BundledPackage[] };

/** For a checkout or a tarball: the Node of the PATH. Signal 1 would open a debugger's port, so it is left to its default. */
export const PATH_INTERPRETER = "/usr/bin/env -S node --disable-sigusr1";

// Imported for what it does to the globals, not for names.
const NAMELESS = /\/reflect-metadata\//;

const MAIN = "packages/cli/src/main.ts";

/**
 * Builds the `darner` command with everything it imports into one folder that plain Node 24 runs, without node_modules: `main.js`
 * and the chunks that its commands load, the thread that proves blobs, the .proto files, and the native addons.
 */
export async function bundle(options: BundleOptions): Promise<Bundle> {
  const { root, out, archs, interpreter } = options;
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const beside = filesBesideCode(root);
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { main: join(root, MAIN), ...beside.threads },
    outdir: out,
    bundle: true,
    splitting: true,
    // Everything in one folder: a file beside the code is found from any of them by the same relative name.
    chunkNames: "[name]-[hash]",
    format: "esm",
    platform: "node",
    target: "node24",
    conditions: ["source"],
    // Of a package that ships both, the ECMAScript modules: of a CommonJS module an `import()` would get nothing but its default.
    mainFields: ["module", "main"],
    // Names stay, so that a stack trace can be read; comments and white space go, which Node would keep in memory.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: "none",
    charset: "utf8",
    // What CommonJS packages call to load builtins of Node.
    banner: { js: 'import{createRequire as __darnerRequire}from"node:module";const require=__darnerRequire(import.meta.url);' },
    plugins: [beside.plugin, nativeAddons()],
    metafile: true,
    logLevel: "error",
  });
  refuseLostNames(metafile);
  for (const [from, to] of beside.copies) {
    mkdirSync(dirname(join(out, to)), { recursive: true });
    cpSync(join(root, from), join(out, to));
  }
  putAddons(out, archs, options.nodeModules ?? join(root, "node_modules"));
  writeFileSync(join(out, "package.json"), `${JSON.stringify({ name: "darner", version: versionOf(root), type: "module" })}\n`);
  const packages = bundledPackages(root, metafile);
  writeFileSync(join(out, "THIRD-PARTY.txt"), thirdPartyText(packages));
  const main = join(out, "main.js");
  writeFileSync(main, `#!${interpreter}\n${readFileSync(main, "utf8").replace(/^#!.*\n/, "")}`);
  chmodSync(main, 0o755);
  return { out, metafile, packages };
}

/** The version of the checkout. */
export function versionOf(root: string): string {
  return (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }).version;
}

function refuseLostNames(metafile: Metafile): void {
  for (const [path, { imports }] of Object.entries(metafile.inputs)) {
    const lost = imports.find(
      (each) => each.kind === "dynamic-import" && metafile.inputs[each.path]?.format === "cjs" && !NAMELESS.test(each.path),
    );
    if (lost !== undefined) throw new Error(`${path}: import() of the CommonJS module ${lost.path} would lose its names in a bundle`);
  }
}
