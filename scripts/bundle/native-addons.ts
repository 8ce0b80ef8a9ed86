import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "esbuild";

/** The machines that a bundle can run on, as Node names their processor (`process.arch`). */
export type Arch = "x64" | "arm64";

/** The kind of machine that this is. */
export const THIS_ARCH: Arch = process.arch === "arm64" ? "arm64" : "x64";

/** What `--arch` takes. */
export const ARCHS: Readonly<Record<string, readonly Arch[]>> = { x64: ["x64"], arm64: ["arm64"], both: ["x64", "arm64"] };

type Addon = {
  /** Its name in the bundle: `native/NAME.linux-ARCH.node`. */
  readonly name: string;
  /** The module that looks for it, which in the bundle only opens it. */
  readonly loader: RegExp;
  /** Where npm put it, for each kind of machine. */
  readonly file: Readonly<Record<Arch, string>>;
};

// Both come built for Linux with glibc; a Node on musl cannot open them.
const ADDONS: readonly Addon[] = [
  {
    name: "blake-hash",
    loader: /\/@napi-rs\/blake-hash\/index\.js$/,
    file: {
      x64: "@napi-rs/blake-hash-linux-x64-gnu/blake.linux-x64-gnu.node",
      arm64: "@napi-rs/blake-hash-linux-arm64-gnu/blake.linux-arm64-gnu.node",
    },
  },
  {
    name: "classic-level",
    loader: /\/classic-level\/binding\.js$/,
    file: {
      x64: "classic-level/prebuilds/linux-x64/classic-level.node",
      arm64: "classic-level/prebuilds/linux-arm64/classic-level.armv8.node",
    },
  },
];

/** Makes the packages with native code open `native/NAME.PLATFORM-ARCH.node` beside the bundle. */
export function nativeAddons(): Plugin {
  return {
    name: "native-addons",
    setup(build) {
      for (const { name, loader } of ADDONS) {
        build.onLoad({ filter: loader }, () => ({ contents: opening(name), loader: "js" }));
      }
      // Anything else that looks for native code would look in a node_modules that is not there.
      build.onResolve({ filter: /^(node-gyp-build|bindings|node-gyp-build-optional-packages)$|\.node$/ }, ({ path, importer }) => ({
        errors: [{ text: `${importer} opens ${path}: say in scripts/bundle/native-addons.ts where its native code lies` }],
      }));
    },
  };
}

/** Puts the addons of these machines into the bundle. Throws where npm has not installed one. */
export function putAddons(out: string, archs: readonly Arch[], nodeModules: string): void {
  mkdirSync(join(out, "native"), { recursive: true });
  for (const { name, file } of ADDONS) {
    for (const arch of archs) {
      const from = join(nodeModules, file[arch]);
      if (!existsSync(from)) throw new Error(`${from} is not there: npm install --os=linux --cpu=${arch} --libc=glibc brings it`);
      copyFileSync(from, join(out, "native", `${name}.linux-${arch}.node`));
    }
  }
}

// The path is put together, so that esbuild leaves it to Node.
function opening(name: string): string {
  return `
const machine = process.platform + "-" + process.arch;
try {
  module.exports = require(["./native/${name}", machine, "node"].join("."));
} catch (cause) {
  throw new Error("this build of Darner has no ${name} that runs here (" + machine + "): it is for Linux with glibc, x64 or arm64", { cause });
}`;
}
