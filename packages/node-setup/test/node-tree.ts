import { lstat, mkdir, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { openTempDir, type TempDir } from "@darner/testkit";
import { NodeFiles } from "@darner/node-setup";

/** A node's file system in a directory of its own: paths with their texts; a path that ends in `/` is a directory. */
export type Tree = Readonly<Record<string, string>>;

/** A node to set up. */
export type TestNode = AsyncDisposable & { readonly root: string; readonly files: NodeFiles };

/** Makes a node that holds a tree. */
export async function openNode(tree: Tree): Promise<TestNode> {
  const temp: TempDir = await openTempDir();
  for (const [path, text] of Object.entries(tree)) {
    const here = join(temp.path, path);
    await mkdir(path.endsWith("/") ? here : dirname(here), { recursive: true });
    if (!path.endsWith("/")) await writeFile(here, text);
  }
  return { root: temp.path, files: new NodeFiles(temp.path), [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose]() };
}

/** Everything below a directory: files with mode and bytes, links with their targets, directories with their modes. */
export async function everythingIn(root: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const names = (await readdir(root, { recursive: true, withFileTypes: true })).map((entry) => join(entry.parentPath, entry.name));
  for (const path of names.sort()) {
    const at = await lstat(path);
    const mode = (at.mode & 0o7777).toString(8);
    const what = at.isSymbolicLink() ? `-> ${await readlink(path)}` : at.isFile() ? `${mode} ${await readFile(path, "latin1")}` : mode;
    found[`/${relative(root, path)}`] = what;
  }
  return found;
}
