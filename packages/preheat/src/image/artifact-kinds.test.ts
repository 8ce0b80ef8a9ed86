import assert from "node:assert/strict";
import { test } from "node:test";
import { hostIdOf } from "@darner/domain";
import { openRegistryClient } from "@darner/registry-client";
import { capturedLog, fixtureBlob, noLeaks, openScriptedRegistry, seededBytes, type FixtureBlob } from "@darner/testkit";
import type { JobEffect } from "../engine/effect.ts";
import { JobEngine } from "../engine/engine.ts";
import type { JobEvent } from "../engine/event.ts";
import { newJob, type Job } from "../job.ts";
import { resolveImage, type ImageContents } from "./resolve-image.ts";

noLeaks();

const OCI = "application/vnd.oci.image";
const MANIFEST = `${OCI}.manifest.v1+json`;
const DOCKER = "application/vnd.docker";
const EMPTY = "application/vnd.oci.empty.v1+json";
const MODEL = "application/vnd.cncf.model";
const NAME = "team/app";

type Layer = { readonly mediaType: string; readonly bytes?: number; readonly more?: object };
/** A manifest as its tool writes it: media types, annotations and all. */
type Kind = {
  readonly type?: string;
  readonly config?: string;
  readonly layers: readonly Layer[];
  readonly more?: object;
  /** Layers that are not at the registry. */
  readonly elsewhere?: number;
};

const wrapped = {
  "org.opencontainers.image.enc.keys.jwe": "eyJwcm90ZWN0ZWQiOiJleUpsYm1NaU9pSkJNalUyUjBOTkluMCIsImVuY3J5cHRlZF9rZXkiOiJrZXkifQ==",
  "org.opencontainers.image.enc.pubopts": "eyJjaXBoZXIiOiJBRVNfMjU2X0NUUl9ITUFDX1NIQTI1NiIsImhtYWMiOiJ4In0=",
};
const digestOfNothing = `sha256:${"0".repeat(63)}1`;

const KINDS: Readonly<Record<string, Kind>> = {
  "an image whose layers ocicrypt has encrypted, one of them left plain": {
    config: `${OCI}.config.v1+json`,
    layers: [
      { mediaType: `${OCI}.layer.v1.tar+gzip+encrypted`, more: { annotations: wrapped } },
      { mediaType: `${OCI}.layer.v1.tar+zstd+encrypted`, more: { annotations: wrapped } },
      { mediaType: `${OCI}.layer.v1.tar+encrypted`, more: { annotations: wrapped } },
      { mediaType: `${OCI}.layer.v1.tar+gzip` },
    ],
  },
  "a model as ModelPack describes it": {
    config: `${MODEL}.config.v1+json`,
    more: { artifactType: `${MODEL}.manifest.v1+json` },
    layers: [
      {
        mediaType: `${MODEL}.weight.v1.raw`,
        bytes: 90_000,
        more: { annotations: { "org.cncf.model.filepath": "model-00001-of-00002.safetensors" } },
      },
      { mediaType: `${MODEL}.weight.v1.tar`, bytes: 80_000 },
      { mediaType: `${MODEL}.weight.config.v1.raw`, more: { annotations: { "org.cncf.model.filepath": "tokenizer.json" } } },
      { mediaType: `${MODEL}.doc.v1.raw`, more: { annotations: { "org.cncf.model.filepath": "README.md" } } },
    ],
  },
  "a signature of cosign": {
    config: `${OCI}.config.v1+json`,
    layers: [
      {
        mediaType: "application/vnd.dev.cosign.simplesigning.v1+json",
        bytes: 243,
        more: {
          annotations: { "dev.cosignproject.cosign/signature": "MEUCIQDx", "dev.sigstore.cosign/bundle": '{"SignedEntryTimestamp":"MEQ"}' },
        },
      },
    ],
  },
  "a signature of notation, which refers to what it signs": {
    config: EMPTY,
    more: { artifactType: "application/vnd.cncf.notary.signature", subject: { mediaType: MANIFEST, digest: digestOfNothing, size: 7682 } },
    layers: [{ mediaType: "application/jose+json", bytes: 2100 }],
  },
  "an artifact of one empty layer, as the image specification has it": {
    config: EMPTY,
    more: { artifactType: "application/vnd.example.sbom" },
    layers: [{ mediaType: EMPTY, bytes: 0 }],
  },
  "an image without any layer": { config: `${OCI}.config.v1+json`, layers: [] },
  "an artifact of ORAS's own manifest, with blobs and no config": {
    type: "application/vnd.oci.artifact.manifest.v1+json",
    more: { artifactType: "application/vnd.example", blobs: [] },
    layers: [],
  },
  "Docker's schema 2, with a layer that Windows has elsewhere": {
    type: `${DOCKER}.distribution.manifest.v2+json`,
    config: `${DOCKER}.container.image.v1+json`,
    elsewhere: 1,
    layers: [
      {
        mediaType: `${DOCKER}.image.rootfs.foreign.diff.tar.gzip`,
        bytes: 1_718_332,
        more: { urls: ["https://mcr.microsoft.com/v2/windows/servercore/blobs/sha256:0"] },
      },
      { mediaType: `${DOCKER}.image.rootfs.diff.tar.gzip` },
    ],
  },
  "an OCI image with a layer that may not be given away": {
    config: `${OCI}.config.v1+json`,
    elsewhere: 1,
    layers: [{ mediaType: `${OCI}.layer.nondistributable.v1.tar+gzip` }, { mediaType: `${OCI}.layer.v1.tar+zstd` }],
  },
  "a chart of Helm": {
    config: "application/vnd.cncf.helm.config.v1+json",
    layers: [{ mediaType: "application/vnd.cncf.helm.chart.content.v1.tar+gzip" }],
  },
};

const json = (mediaType: string, value: unknown): FixtureBlob => fixtureBlob(new TextEncoder().encode(JSON.stringify(value)), mediaType);
const describe = ({ mediaType, digest, size }: FixtureBlob): object => ({ mediaType, digest, size });

/** One host, a job for this image, and a host that takes what it is told to: how the job ends, and what the host was told. */
function warm(contents: ImageContents): { readonly job: Job; readonly told: readonly string[] } {
  const engine = new JobEngine();
  const said: JobEffect[] = [];
  const tell = (...events: readonly JobEvent[]): void => {
    for (const event of events) said.push(...engine.handle(event, 0));
  };
  const host = hostIdOf("one");
  const { repository, image } = contents;
  const request = { images: [{ repository, tag: "v1" }], scope: { kind: "all-hosts" }, priority: 0, deadlineMs: 60_000 } as const;
  const job = newJob(16, { ...request, pinMs: 0, requireAll: true, via: "harbor" }, 0);
  tell(
    { type: "host-joined", host: { host, name: "one", ip: "10.0.0.1", zone: "", labels: {}, seed: false, platform: "linux/amd64" } },
    { type: "job-opened", job, hasCredential: false },
    { type: "image-resolved", job: 16, at: 0, contents },
  );
  const told = said.flatMap((effect) => (effect.type === "warm-host" ? effect.contents : []));
  for (const { digest } of told) tell({ type: "content-held", host, digest });
  const last = said.findLast((effect) => effect.type === "keep-job");
  assert.ok(last?.type === "keep-job" && image.contents === told.length);
  return { job: last.job, told: told.map(({ digest }) => digest) };
}

for (const [what, { type = MANIFEST, config, layers, more = {}, elsewhere = 0 }] of Object.entries(KINDS)) {
  test(`${what}: one job warms the manifest and all that it names and the registry has, whatever its media types`, async () => {
    await using lives = new AsyncDisposableStack();
    const registry = lives.use(await openScriptedRegistry());
    const client = openRegistryClient({ registries: { [registry.host]: { plainHttp: true } } }, { log: capturedLog() });
    lives.defer(() => client.close());
    const configs = config === undefined ? [] : [config === EMPTY ? json(EMPTY, {}) : json(config, { architecture: "amd64", os: "linux" })];
    const parts = layers.map((layer, at) => ({ ...layer, blob: fixtureBlob(seededBytes(at, layer.bytes ?? 1000 + at), layer.mediaType) }));
    const manifest = json(type, {
      ...{ schemaVersion: 2, mediaType: type },
      ...(configs[0] === undefined ? {} : { config: describe(configs[0]) }),
      ...(config === undefined ? {} : { layers: parts.map(({ blob, more: extra = {} }) => ({ ...describe(blob), ...extra })) }),
      ...more,
    });
    registry.content.pushManifest(NAME, manifest, "v1");
    const reference = { repository: { registry: registry.host, name: NAME }, tag: "v1" };
    const authority = { kind: "anonymous" } as const;
    const signal = new AbortController().signal;
    const deps = { client, authority, manifests: new Map<string, never>(), underWay: new Map<string, never>(), signal };
    const contents = await resolveImage(reference, ["linux/amd64"], deps);
    const { job, told } = warm(contents);
    const wanted = [manifest, ...configs, ...parts.slice(elsewhere).map(({ blob }) => blob)];
    assert.deepEqual(told, [...new Set(wanted.map(({ digest }) => digest))]);
    assert.deepEqual(
      contents.contents.map(({ mediaType, size }) => [mediaType, size]),
      wanted.map(({ mediaType, size }) => [mediaType, size]),
    );
    assert.deepEqual([job.state, job.failures, job.error], ["succeeded", [], undefined]);
    const notes = elsewhere === 0 ? [] : [/1 layers of .*team\/app:v1 are not at the registry \(foreign layers\) and are not warmed/];
    assert.equal(contents.image.notes.length, notes.length);
    for (const [at, note] of notes.entries()) assert.match(contents.image.notes[at] ?? "", note);
    const asked = registry.requests.map(({ method, kind }) => `${method} ${kind}`);
    assert.deepEqual(asked, ["HEAD manifest", "GET manifest"], "nothing else is asked of the registry");
  });
}
