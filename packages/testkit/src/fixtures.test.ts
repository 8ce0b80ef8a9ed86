import assert from "node:assert/strict";
import { test } from "node:test";
import { buildImage, randomBlob, seededBytes } from "./fixtures.ts";

test("the same seed gives the same bytes, another seed others", () => {
  assert.deepEqual(seededBytes(1, 1000), seededBytes(1, 1000));
  assert.notDeepEqual(seededBytes(1, 1000), seededBytes(2, 1000));
  assert.deepEqual(seededBytes(1, 10), seededBytes(1, 1000).subarray(0, 10));
  assert.equal(seededBytes(1, 0).length, 0);
});

test("seeded bytes are not compressible: every byte value occurs about equally often", () => {
  const counts = new Array<number>(256).fill(0);
  for (const byte of seededBytes("spread", 256_000)) counts[byte] = (counts[byte] ?? 0) + 1;
  assert.ok(Math.min(...counts) > 800 && Math.max(...counts) < 1200);
});

test("an image names its parts by their digests and sizes", () => {
  const image = buildImage({
    layers: [
      { bytes: 100, seed: 1 },
      { bytes: 200, seed: 2 },
    ],
    annotations: { "org.example": "yes" },
  });
  const manifest = JSON.parse(new TextDecoder().decode(image.manifest.bytes)) as {
    layers: { digest: string; size: number }[];
    config: { digest: string };
    annotations: Record<string, string>;
  };
  assert.deepEqual(
    manifest.layers.map(({ digest, size }) => ({ digest, size })),
    image.layers.map(({ digest, size }) => ({ digest, size })),
  );
  assert.equal(manifest.config.digest, image.config.digest);
  assert.equal(manifest.annotations["org.example"], "yes");
  assert.equal(image.totalBytes, image.manifest.size + image.config.size + 300);
  assert.ok(new TextDecoder().decode(image.index.bytes).includes(image.manifest.digest));
});

test("a layer that occurs twice counts once in the size of the image", () => {
  const image = buildImage({
    layers: [
      { bytes: 100, seed: 1 },
      { bytes: 100, seed: 1 },
    ],
  });
  assert.equal(image.totalBytes, image.manifest.size + image.config.size + 100);
});

test("docker images carry docker media types", () => {
  const image = buildImage({ layers: [{ bytes: 1, seed: 1 }], kind: "docker" });
  assert.equal(image.manifest.mediaType, "application/vnd.docker.distribution.manifest.v2+json");
});

test("a tar layer is whole blocks with a right checksum and carries its content", () => {
  const layer = buildImage({ layers: [{ bytes: 700, seed: 3, format: "tar" }] }).layers[0];
  assert.ok(layer !== undefined);
  assert.equal(layer.size % 512, 0);
  const header = Uint8Array.from(layer.bytes.subarray(0, 512));
  const written = Number.parseInt(new TextDecoder().decode(header.subarray(148, 154)), 8);
  header.fill(32, 148, 156);
  assert.equal(
    written,
    header.reduce((sum, byte) => sum + byte, 0),
  );
  assert.deepEqual(layer.bytes.subarray(512, 1212), seededBytes(3, 700));
});

test("a random blob is named by its sha256", () => {
  assert.match(randomBlob(5, 3).digest, /^sha256:[a-f0-9]{64}$/);
});
