import { join } from "node:path";
import { withMirror } from "./hosts-toml.ts";
import type { NodeFiles } from "./node-files.ts";
import type { Change, Plan, Wish } from "./plan.ts";

const DAEMON = "/etc/docker/daemon.json";
const CERTS = "/etc/docker/certs.d";

/**
 * Plans what Docker is to read: with the containerd image store a `hosts.toml` for each registry, else `registry-mirrors`, which serves
 * docker.io alone. The two do not go together: where `registry-mirrors` is set, Docker looks at no `hosts.toml` for docker.io.
 */
export async function planDocker(files: NodeFiles, wish: Wish): Promise<Plan> {
  const before = await files.text(DAEMON);
  const config = before === undefined || before.trim() === "" ? {} : jsonObject(before);
  if (config === undefined) {
    return { changes: [], problems: [`${DAEMON}: it is no JSON object; Docker itself would not start with it: mend it`], hints: [] };
  }
  const features = config["features"];
  const hasStore =
    typeof features === "object" && features !== null && (features as Record<string, unknown>)["containerd-snapshotter"] === true;
  const mirrors = config["registry-mirrors"];
  return hasStore && mirrors === undefined ? planHosts(files, wish) : planMirrors(config, before, wish);
}

function planMirrors(config: Record<string, unknown>, before: string | undefined, { mirror, exclude }: Wish): Plan {
  const url = `http://${mirror}`;
  const present = config["registry-mirrors"];
  if (exclude.includes("docker.io"))
    return { changes: [], problems: [], hints: ["docker.io is excluded, and Docker asks mirrors for it alone"] };
  if (present !== undefined && !Array.isArray(present)) {
    return { changes: [], problems: [`${DAEMON}: registry-mirrors is no list; Docker itself would not start with it: mend it`], hints: [] };
  }
  const others = ((present ?? []) as unknown[]).filter((entry) => entry !== url && entry !== `${url}/`);
  const after = `${JSON.stringify({ ...config, "registry-mirrors": [url, ...others] }, undefined, indentOf(before))}\n`;
  const isThere = Array.isArray(present) && (present[0] === url || present[0] === `${url}/`);
  return {
    changes: isThere ? [] : [{ kind: "file", path: DAEMON, before, after }],
    problems: [],
    hints: [
      "Docker reads this after a reload (systemctl reload docker); it asks mirrors for docker.io alone: for other registries turn on the " +
        "containerd image store (features.containerd-snapshotter)",
    ],
  };
}

async function planHosts(files: NodeFiles, { mirror, registries, exclude, resolveTags }: Wish): Promise<Plan> {
  const changes: Change[] = [];
  const problems: string[] = [];
  for (const registry of registries.filter((name) => !exclude.includes(name))) {
    const path = join(CERTS, registry, "hosts.toml");
    const before = await files.text(path);
    const edited = withMirror(before, { url: `http://${mirror}`, resolve: resolveTags });
    if (!edited.ok) problems.push(`${path}: ${edited.problem}; until then this registry is pulled as before`);
    else if (edited.text !== before) changes.push({ kind: "file", path, before, after: edited.text });
  }
  return { changes, problems, hints: ["Docker reads this at the next pull"] };
}

function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function indentOf(text: string | undefined): string | number {
  return /^([ \t]+)"/m.exec(text ?? "")?.[1] ?? 2;
}
