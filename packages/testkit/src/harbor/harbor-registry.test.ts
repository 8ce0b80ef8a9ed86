import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { buildImage } from "../fixtures.ts";
import { openHarborRegistry, type HarborRegistry } from "./harbor-registry.ts";

const image = buildImage({ layers: [{ bytes: 1000, seed: "harbor" }] });
const layer = image.layers[0] ?? assert.fail("no layer");
const ACCEPT = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";
let harbor: HarborRegistry;
before(async () => {
  harbor = await openHarborRegistry({ publicProjects: ["open"], users: { robot$darner: "s3cret" } });
  for (const repository of ["team/app", "open/app", "strict/app"]) harbor.push(repository, image, "v1");
});
after(() => harbor[Symbol.asyncDispose]());

async function ask(path: string, headers: Record<string, string> = {}): Promise<{ status: number; challenge: string | null }> {
  const response = await fetch(harbor.registry.origin + path, { headers: { accept: ACCEPT, ...headers } });
  await response.arrayBuffer();
  return { status: response.status, challenge: response.headers.get("www-authenticate") };
}

const bearer = (repository: string, lifetimeSeconds = 1800): Record<string, string> => ({
  authorization: `Bearer ${harbor.tokens.mint({ repository, lifetimeSeconds })}`,
});

test("a token opens every repository of its project and no other", async () => {
  assert.equal((await ask("/v2/team/app/manifests/v1", bearer("team/app"))).status, 200);
  assert.equal((await ask("/v2/team/app/manifests/v1", bearer("team/other"))).status, 200);
  assert.equal((await ask("/v2/team/app/manifests/v1", bearer("open/app"))).status, 401);
  const forged = { authorization: `${bearer("team/app")["authorization"] ?? ""}x` };
  assert.equal((await ask("/v2/team/app/manifests/v1", forged)).status, 401);
});

test("an expired token is refused with a Basic challenge, 60 s after its end; a request without a header gets the Bearer one", async () => {
  assert.equal((await ask("/v2/team/app/manifests/v1", bearer("team/app", -30))).status, 200);
  assert.deepEqual(await ask("/v2/team/app/manifests/v1", bearer("team/app", -61)), { status: 401, challenge: `Basic realm="harbor"` });
  const { status, challenge } = await ask("/v2/open/app/manifests/v1");
  assert.equal(status, 401);
  assert.match(challenge ?? "", /^Bearer realm="http:\/\/127\.0\.0\.1:[0-9]+\/service\/token",service="harbor-registry"/);
});

test("a public project is open to an expired token and to a token of the service that nobody asked a name for", async () => {
  assert.equal((await ask("/v2/open/app/manifests/v1", bearer("open/app", -3600))).status, 200);
  const response = await fetch(`${harbor.registry.origin}/service/token?service=harbor-registry&scope=repository:open/app:pull`);
  const { token } = (await response.json()) as { token: string };
  assert.equal((await ask("/v2/open/app/manifests/v1", { authorization: `Bearer ${token}` })).status, 200);
  assert.equal((await ask("/v2/team/app/manifests/v1", { authorization: `Bearer ${token}` })).status, 401);
});

test("a robot account is let in by its password, at the service and at the registry", async () => {
  const authorization = `Basic ${btoa("robot$darner:s3cret")}`;
  assert.equal((await ask("/v2/team/app/manifests/v1", { authorization })).status, 200);
  const response = await fetch(`${harbor.registry.origin}/service/token?scope=repository:team/app:pull`, { headers: { authorization } });
  const { token } = (await response.json()) as { token: string };
  assert.equal((await ask("/v2/team/app/manifests/v1", { authorization: `Bearer ${token}` })).status, 200);
});

test("a manifest whose type is not accepted is not found", async () => {
  const docker = { accept: "application/vnd.docker.distribution.manifest.v2+json", ...bearer("team/app") };
  assert.equal((await ask("/v2/team/app/manifests/v1", docker)).status, 404);
});

test("a forbidden image answers 412 for the manifest, its index does not", async () => {
  harbor.forbid("strict");
  assert.equal((await ask("/v2/strict/app/manifests/v1", bearer("strict/app"))).status, 200);
  assert.equal((await ask(`/v2/strict/app/manifests/${image.manifest.digest}`, bearer("strict/app"))).status, 412);
});

test("blobs are redirected to another host; manifest GETs are counted as pulls, HEADs are not", async () => {
  harbor.registry.requests.length = 0;
  assert.equal((await ask(`/v2/team/app/blobs/${layer.digest}`, bearer("team/app"))).status, 200);
  assert.deepEqual(
    harbor.registry.requests.map(({ host, status }) => [host, status]),
    [
      ["first", 307],
      ["second", 200],
    ],
  );
  assert.equal(harbor.blobReads().length, 1);
  await fetch(`${harbor.registry.origin}/v2/team/app/manifests/v1`, { method: "HEAD", headers: { accept: ACCEPT, ...bearer("team/app") } });
  await ask("/v2/team/app/manifests/v1", bearer("team/app"));
  assert.deepEqual([...harbor.pulls()], [["/v2/team/app/manifests/v1", 1]]);
});
