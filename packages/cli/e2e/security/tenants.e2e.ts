import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fixtureBlob, randomBlob, type BuiltImage } from "@darner/testkit";
import { assertHolds, LocalNodes, partsOf, type LocalNode } from "../harness/local-nodes.ts";
import { run, type Outcome } from "../harness/shell.ts";

const RED = { repository: "red/app", user: "ada", password: "lovelace" } as const;
const BLUE = { repository: "blue/app", user: "eve", password: "hopper" } as const;
const OPEN = "library/open";
const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";

type Tenant = typeof RED | typeof BLUE;
type Answer = { readonly status: number; readonly text: string };

let nodes: LocalNodes;
let images: Readonly<Record<string, { readonly image: BuiltImage; readonly name: string }>>;
before(async () => {
  const access = {
    scheme: "bearer",
    users: { [RED.user]: RED.password, [BLUE.user]: BLUE.password },
    privateRepositories: [RED.repository, BLUE.repository],
    readers: { [RED.repository]: [RED.user], [BLUE.repository]: [BLUE.user] },
  } as const;
  nodes = await LocalNodes.open({ registry: { access } });
  images = { red: nodes.push(RED.repository), blue: nodes.push(BLUE.repository), open: nodes.push(OPEN) };
});
after(() => nodes[Symbol.asyncDispose]());

function imageOf(tenant: Tenant | "open"): { readonly image: BuiltImage; readonly name: string } {
  const found = images[tenant === "open" ? "open" : tenant === RED ? "red" : "blue"];
  assert.ok(found !== undefined);
  return found;
}

async function tokenOf({ user, password }: Tenant, repository: string): Promise<string> {
  const headers = { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
  const answer = await fetch(`${nodes.registry.origin}/token?scope=repository:${repository}:pull`, { headers });
  return `Bearer ${((await answer.json()) as { token: string }).token}`;
}

/** The whole answer of a node's mirror as it stood on the wire, but for the time of day; the digest asked for reads DIGEST. */
async function ask({ daemon }: LocalNode, method: string, path: string, digest: string, authorization?: string): Promise<Answer> {
  const [host, port] = daemon.addresses.mirror.split(":");
  const headers = authorization === undefined ? {} : { authorization };
  const asked = request({ host, port, method, path: `/v2/${path}${digest}?ns=${nodes.registry.host}`, headers, agent: false });
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  asked.on("error", reject);
  asked.on("response", (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () => {
      const lines = response.rawHeaders.map((text, at) => (response.rawHeaders[at - 1] === "Date" ? "" : text));
      const text = [String(response.statusCode), ...lines, Buffer.concat(chunks).toString("latin1")].join("\n");
      resolve({ status: response.statusCode ?? 0, text: text.replaceAll(digest, "DIGEST") });
    });
  });
  asked.end();
  return promise;
}

test("two tenants with pull secrets of their own on one node: each pulls its own image with containerd, and no other's", async () => {
  const [first] = nodes.nodes;
  for (const tenant of [RED, BLUE]) {
    const { image, name } = imageOf(tenant);
    const { ok, stderr } = await first.containerd.fetch(name, `${tenant.user}:${tenant.password}`);
    assert.ok(ok, stderr);
    await assertHolds(first, image);
    await first.containerd.remove(name);
  }
  for (const [tenant, other] of [
    [RED, BLUE],
    [BLUE, RED],
  ] as const) {
    const { image, name } = imageOf(other);
    const { ok } = await first.containerd.fetch(name, `${tenant.user}:${tenant.password}`);
    assert.ok(!ok, `${tenant.user} does not get ${name}`);
    const content = await first.containerd.content();
    for (const { digest } of partsOf(image)) assert.ok(!content.has(digest));
  }
});

/** Copies an image out with skopeo, which reads `registries.conf` as podman and CRI-O do: the node's mirror first, the registry itself after it. */
async function copyOut(
  { daemon }: LocalNode,
  name: string,
  tenant: Tenant | undefined,
): Promise<Outcome & { readonly held: readonly string[] }> {
  const dir = mkdtempSync(join(tmpdir(), "darner-skopeo-"));
  try {
    const { host } = nodes.registry;
    const mirror = `${daemon.addresses.mirror}/${host.replace(":", "_")}`;
    const conf = join(dir, "registries.conf");
    const lines = ["[[registry]]", `prefix = "${host}"`, `location = "${host}"`, "insecure = true"];
    writeFileSync(conf, [...lines, "[[registry.mirror]]", `location = "${mirror}"`, "insecure = true", ""].join("\n"));
    const creds = tenant === undefined ? ["--src-no-creds"] : ["--src-creds", `${tenant.user}:${tenant.password}`];
    const words = [
      "copy",
      "--all",
      "--preserve-digests",
      "--src-tls-verify=false",
      ...creds,
      `docker://${name}`,
      `oci:${join(dir, "image")}`,
    ];
    const outcome = await run(["skopeo", "--insecure-policy", "--registries-conf", conf, ...words]);
    const held = readdirSync(dir, { recursive: true, encoding: "utf8" }).flatMap(
      (path) => /blobs\/sha256\/([0-9a-f]{64})$/.exec(path)?.[1] ?? [],
    );
    return { ...outcome, held };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

test("the same with skopeo: what is public comes through the mirror; what is private comes to its own tenant, from the registry, and to nobody else", async () => {
  const [first] = nodes.nodes;
  const copy = async (name: string, tenant?: Tenant): Promise<Awaited<ReturnType<typeof copyOut>> & { readonly past: number }> => {
    let copied: Awaited<ReturnType<typeof copyOut>> | undefined;
    const { requests } = await nodes.watch(async () => {
      copied = await copyOut(first, name, tenant);
    });
    assert.ok(copied !== undefined);
    const past = requests.filter(
      ({ userAgent, kind, method }) => userAgent?.startsWith("skopeo") === true && kind === "blob" && method === "GET",
    );
    return { ...copied, past: past.length };
  };
  // Programs of containers/image show a mirror no credential of the registry's: they are told 401 and go to the registry themselves.
  for (const tenant of [RED, BLUE, "open"] as const) {
    const { image, name } = imageOf(tenant);
    const { ok, stderr, held, past } = await copy(name, tenant === "open" ? undefined : tenant);
    assert.ok(ok, stderr);
    for (const { digest } of partsOf(image)) assert.ok(held.includes(digest.slice("sha256:".length)), digest);
    if (tenant === "open") assert.equal(past, 0, "every blob came through the mirror");
  }
  for (const [tenant, other] of [
    [RED, BLUE],
    [BLUE, RED],
    [undefined, RED],
  ] as const) {
    const { name } = imageOf(other);
    const { ok, held } = await copyOut(first, name, tenant);
    assert.deepEqual([ok, held], [false, []], `${tenant?.user ?? "nobody"} does not get ${name}`);
  }
});

/** Asks for a part of an image that is here and for what never was anywhere, and gives the status that both got. */
async function looksLikeNothing(
  node: LocalNode,
  method: string,
  repository: string,
  { digest, mediaType }: BuiltImage["index"],
  credential: string | undefined,
): Promise<number> {
  const never = randomBlob("never pushed", 10).digest;
  const kind = /layer|config/.test(mediaType) ? "blobs" : "manifests";
  const cached = await ask(node, method, `${repository}/${kind}/`, digest, credential);
  const uncached = await ask(node, method, `${repository}/${kind}/`, never, credential);
  assert.equal(cached.text, uncached.text, `${node.name} ${method} ${repository} ${kind}`);
  assert.ok([401, 404].includes(cached.status), String(cached.status));
  return cached.status;
}

test("what a tenant may not have is answered byte for byte like what never was, cached or not, under every repository's name", async () => {
  const { image } = imageOf(RED);
  const answers = new Map<number, number>();
  for (const repository of [RED.repository, BLUE.repository, OPEN]) {
    const credentials = [undefined, await tokenOf(BLUE, repository), "Bearer made-up", "Basic bWFkZTp1cA=="];
    const askers = nodes.nodes.flatMap((node) => credentials.map((credential) => ({ node, credential })));
    for (const { node, credential } of askers) {
      for (const method of ["GET", "HEAD"]) {
        const statuses = await Promise.all(partsOf(image).map((part) => looksLikeNothing(node, method, repository, part, credential)));
        for (const status of statuses) answers.set(status, (answers.get(status) ?? 0) + 1);
      }
    }
  }
  console.log(
    `answers compared byte for byte: ${[...answers].map(([status, count]) => `${String(count)} × ${String(status)}`).join(", ")}`,
  );
});

test("case 34: an index that the other tenant pushes to its own repository opens nothing that it names", async () => {
  const { image } = imageOf(RED);
  const { digest, size, mediaType } = image.manifest;
  const bytes = new TextEncoder().encode(
    JSON.stringify({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [{ digest, size, mediaType }] }),
  );
  const planted = fixtureBlob(bytes, INDEX_TYPE);
  nodes.registry.content.pushManifest(BLUE.repository, planted, "planted");
  const credential = await tokenOf(BLUE, BLUE.repository);
  for (const node of nodes.nodes) {
    assert.equal((await ask(node, "GET", `${BLUE.repository}/manifests/`, "planted", credential)).status, 200);
    for (const part of [image.manifest, image.config, ...image.layers]) {
      const kind = part === image.manifest ? "manifests" : "blobs";
      assert.equal((await ask(node, "GET", `${BLUE.repository}/${kind}/`, part.digest, credential)).status, 404);
    }
  }
});

test("that a repository is public is a fact the cluster shares: the second node asks about the child of the index only", async () => {
  const { image, name } = imageOf("open");
  const [first, second] = nodes.nodes;
  const { ok, stderr } = await first.containerd.fetch(name);
  assert.ok(ok, stderr);
  const path = `${OPEN}/manifests/`;
  const seen = await nodes.watch(async () => {
    assert.equal((await ask(second, "GET", path, image.index.digest)).status, 200);
    assert.equal((await ask(second, "GET", path, image.manifest.digest)).status, 200);
    for (const { digest } of [image.config, ...image.layers])
      assert.equal((await ask(second, "GET", `${OPEN}/blobs/`, digest)).status, 200);
  });
  const asked = seen.requests.filter(({ kind }) => kind === "manifest" || kind === "blob").map(({ method, kind }) => `${method} ${kind}`);
  console.log(`second node, public image of ${String(partsOf(image).length)} parts by digest: ${asked.join(", ")}`);
  assert.deepEqual(asked, ["HEAD manifest", "HEAD manifest"]);
});
