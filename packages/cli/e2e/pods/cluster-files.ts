import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fieldsOf, listOf, textOf, type Fields, type KubeObject } from "../../test/kubernetes/object.ts";
import type { ApiServer } from "../../test/kubernetes/api-server.ts";
import { API_AUDIENCE } from "../../test/kubernetes/access.ts";

/** What a pod names is not there yet; the kubelet tries again. */
export class NotThereYet extends Error {
  constructor(what: string) {
    super(what);
    this.name = "NotThereYet";
  }
}

/** Where a pod's volumes come from. */
export type VolumePlace = {
  readonly api: ApiServer;
  readonly pod: KubeObject;
  /** A directory of the pod's own. */
  readonly dir: string;
  /** The node's file system. */
  readonly nodeRoot: string;
  /** Where claimed volumes are kept. */
  readonly claims: string;
};

const SECRET_MODE = 0o644;
const GROUP_MODE = 0o640;

/** The directory or file that a volume is on this machine, filled with what the cluster holds; rejects with `NotThereYet`. */
export function volumeSource(volume: Fields, place: VolumePlace): string {
  const name = textOf(volume["name"]);
  const dir = join(place.dir, "volumes", name);
  const hostPath = fieldsOf(volume["hostPath"]);
  if ("path" in hostPath) return hostDirectory(hostPath, place);
  mkdirSync(dir, { recursive: true });
  const group = fsGroup(place.pod);
  if ("emptyDir" in volume) shared(dir, group);
  else if ("persistentVolumeClaim" in volume) return claimed(textOf(fieldsOf(volume["persistentVolumeClaim"])["claimName"]), place, group);
  else {
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true });
    for (const source of sourcesOf(volume)) for (const [path, bytes] of filesOf(source, place)) write(join(dir, path), bytes, group);
  }
  return dir;
}

/** Of a ConfigMap or a Secret the bytes of each key. */
export function contentOf(api: ApiServer, kind: "ConfigMap" | "Secret", namespace: string, name: string): Map<string, Buffer> | undefined {
  const object = api.store.named(kind).find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
  if (object === undefined) return undefined;
  const encoding = kind === "Secret" ? "base64" : "utf8";
  const entries = Object.entries(fieldsOf(object["data"])).map(([key, value]) => [key, Buffer.from(textOf(value), encoding)] as const);
  return new Map([
    ...entries,
    ...Object.entries(fieldsOf(object["binaryData"])).map(([key, value]) => [key, Buffer.from(textOf(value), "base64")] as const),
  ]);
}

function sourcesOf(volume: Fields): Fields[] {
  if ("projected" in volume) return listOf(fieldsOf(volume["projected"])["sources"]);
  const { secretName, ...secret } = fieldsOf(volume["secret"]);
  return [secretName === undefined ? volume : { secret: { ...secret, name: secretName } }];
}

function filesOf(source: Fields, place: VolumePlace): [string, Buffer][] {
  const token = fieldsOf(source["serviceAccountToken"]);
  if ("path" in token) return [[textOf(token["path"]), Buffer.from(tokenFor(place, textOf(token["audience"])))]];
  const downward = listOf(fieldsOf(source["downwardAPI"])["items"]);
  if (downward.length > 0)
    return downward.map((item) => [
      textOf(item["path"]),
      Buffer.from(labelText(place.pod, textOf(fieldsOf(item["fieldRef"])["fieldPath"]))),
    ]);
  const kind = "secret" in source ? "Secret" : "ConfigMap";
  const wanted = fieldsOf(source[kind === "Secret" ? "secret" : "configMap"]);
  const content = contentOf(place.api, kind, place.pod.metadata.namespace ?? "", textOf(wanted["name"]));
  if (content === undefined) {
    if (wanted["optional"] === true) return [];
    throw new NotThereYet(`${kind} ${textOf(wanted["name"])} is not there`);
  }
  const items = listOf(wanted["items"]);
  if (items.length === 0) return [...content];
  return items.map(({ key, path }) => {
    const bytes = content.get(textOf(key));
    if (bytes === undefined) throw new NotThereYet(`${kind} ${textOf(wanted["name"])} has no ${textOf(key)}`);
    return [textOf(path), bytes];
  });
}

/** A token as the kubelet asks for one; without a wish for an audience it is good at the API server. */
function tokenFor({ api, pod }: VolumePlace, audience: string): string {
  const account = `${pod.metadata.namespace ?? ""}:${textOf(fieldsOf(pod["spec"])["serviceAccountName"]) || "default"}`;
  return api.access.issue(account, [audience === "" ? API_AUDIENCE : audience]);
}

function labelText(pod: KubeObject, path: string): string {
  if (path === "metadata.namespace") return pod.metadata.namespace ?? "";
  if (path === "metadata.name") return pod.metadata.name;
  const [, map = "", key = ""] = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path) ?? [];
  return map === "labels" ? (pod.metadata.labels?.[key] ?? "") : (pod.metadata.annotations?.[key] ?? "");
}

function hostDirectory({ path, type }: Fields, { nodeRoot }: VolumePlace): string {
  const here = join(nodeRoot, textOf(path));
  if (textOf(type) === "DirectoryOrCreate") mkdirSync(here, { recursive: true });
  return here;
}

function claimed(name: string, { claims, pod }: VolumePlace, group: number | undefined): string {
  const dir = join(claims, pod.metadata.namespace ?? "", name);
  mkdirSync(dir, { recursive: true });
  shared(dir, group);
  return dir;
}

function shared(dir: string, group: number | undefined): void {
  if (group !== undefined) chownSync(dir, 0, group);
  chmodSync(dir, group === undefined ? 0o777 : 0o2777);
}

function write(path: string, bytes: Buffer, group: number | undefined): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  if (group !== undefined) chownSync(path, 0, group);
  chmodSync(path, group === undefined ? SECRET_MODE : GROUP_MODE);
}

function fsGroup(pod: KubeObject): number | undefined {
  const group = fieldsOf(fieldsOf(pod["spec"])["securityContext"])["fsGroup"];
  return typeof group === "number" ? group : undefined;
}
