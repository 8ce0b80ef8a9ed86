import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { packagesOf, read, type Package } from "./workspace.ts";

const MAX_README_LINES = 40;
const README_PARTS = ["What it is not", "Read first", "How to change it"];

type FloorPlan = { readonly FLOORS: Readonly<Record<string, number>>; readonly PURE: readonly string[] };

/** Packages without a floor, and floors without a package. */
export async function floorPlan(root: string): Promise<string[]> {
  const { FLOORS } = await planOf(root);
  const folders = packagesOf(root).map((each) => each.folder);
  return [
    ...folders.filter((folder) => !(folder in FLOORS)).map((folder) => `packages/${folder}: give it a floor in .dependency-cruiser.js`),
    ...Object.keys(FLOORS)
      .filter((name) => !folders.includes(name))
      .map((name) => `.dependency-cruiser.js: there is no packages/${name}`),
  ];
}

/** Cores that depend on something: they must run anywhere, so they have only the words of the domain. */
export async function coreDependencies(root: string): Promise<string[]> {
  const { PURE } = await planOf(root);
  return packagesOf(root).flatMap(({ folder, dependencies }) => {
    const extra = PURE.includes(folder) ? dependencies.filter((name) => name !== "@darner/domain") : [];
    return extra.map((name) => `packages/${folder}/package.json: a core depends on @darner/domain and nothing else, not on ${name}`);
  });
}

/** Dependencies that are not pinned to one version: what is installed tomorrow would not be what was tested today. */
export function loosePins(root: string): string[] {
  const lock =
    read(root, "package-lock.json") === "" ? ["package-lock.json: commit it, so that dependencies of dependencies are pinned, too"] : [];
  const files = ["package.json", ...packagesOf(root).map(({ folder }) => `packages/${folder}/package.json`)];
  const loose = files.flatMap((file) => {
    const content = JSON.parse(read(root, file)) as Readonly<Record<string, Readonly<Record<string, string>> | undefined>>;
    const all = { ...content["dependencies"], ...content["devDependencies"], ...content["optionalDependencies"] };
    return Object.entries(all).flatMap(([name, version]) =>
      /^[0-9]+\.[0-9]+\.[0-9]+(?:-[\w.]+)?$/.test(version) ? [] : [`${file}: pin ${name} to one version, not to ${version}`],
    );
  });
  return [...lock, ...loose];
}

/** READMEs that are missing, too long, without their parts, or that say another thing than package.json. */
export function readmes(root: string): string[] {
  return packagesOf(root).flatMap((each) =>
    readmeProblems(each, read(root, `packages/${each.folder}/README.md`)).map((text) => `packages/${each.folder}/README.md: ${text}`),
  );
}

/** Packages that `tsc -b` does not know of: nobody would check their types. */
export function unreferenced(root: string): string[] {
  const { references = [] } = JSON.parse(read(root, "tsconfig.json")) as { references?: readonly { readonly path: string }[] };
  const known = references.map((reference) => reference.path);
  return packagesOf(root).flatMap(({ folder }) =>
    known.includes(`packages/${folder}`) ? [] : [`tsconfig.json: add { "path": "packages/${folder}" }`],
  );
}

function readmeProblems({ name, description }: Package, text: string): string[] {
  if (text === "") return ["write one: what it is, what it is not, what to read first, how to change it"];
  const [title = "", first = ""] = text.split(/\n\n+/);
  const lines = text.trimEnd().split("\n").length;
  return [
    ...(title === `# ${name}` ? [] : [`the first line must be "# ${name}"`]),
    ...(first.trim() === description ? [] : [`the first paragraph must be package.json's description: "${description}"`]),
    ...(lines > MAX_README_LINES ? [`${String(lines)} lines; keep it within ${String(MAX_README_LINES)}`] : []),
    ...README_PARTS.filter((part) => !text.toLowerCase().includes(part.toLowerCase())).map((part) => `say "${part}"`),
  ];
}

async function planOf(root: string): Promise<FloorPlan> {
  return (await import(pathToFileURL(join(root, ".dependency-cruiser.js")).href)) as FloorPlan;
}
