import assert from "node:assert/strict";
import { isRegistryHost, isRepositoryName, isTag, parseDigest, parseHostId, parseReference, parseTask } from "@darner/domain";
import { formatAddress, parseListen } from "@darner/runtime";
import { latin1, utf8 } from "@darner/testkit";
import type { FuzzDice, FuzzTarget } from "@darner/testkit";
import { namesIn } from "../src/image/manifest.ts";

const HEX = "f".repeat(64);
const MANIFEST = `{"config":{"digest":"sha256:${HEX}","size":2},"layers":[{"digest":"sha256:${HEX}","size":9,"platform":{"os":"linux","architecture":"arm64"}}]}`;

/**
 * Image names, digests, hosts and addresses as people and programs write them.
 * @public the runner finds it by the name of its file
 */
export const names: FuzzTarget = {
  name: "names",
  seeds: [
    "nginx",
    `quay.io:443/a/b:v1@sha256:${HEX}`,
    `sha512:${HEX}${HEX}`,
    "[::1]:4101",
    "[.%1]:4103",
    "0.0.0.0:80",
    `12D3KooW${"A".repeat(44)}`,
  ],
  words: [":", "@", "/", ".", "_", "__", "-", "localhost", "docker.io", `sha256:${HEX}`, "[::]", "65536", "A"],
  make: (dice: FuzzDice) =>
    `${dice.pick(["", "quay.io/", "r:5000/", "localhost/"])}${["a", ...dice.some(["b", "c_d", "e.f"], 3)].join("/")}${dice.pick(["", ":v1"])}${dice.pick(["", `@sha256:${HEX}`])}`,
  check: (input) => {
    const text = latin1(input);
    const reference = parseReference(text);
    if (reference !== undefined) {
      assert.ok(isRegistryHost(reference.registry) && isRepositoryName(reference.name));
      assert.ok(reference.tag === undefined || isTag(reference.tag));
      assert.ok(reference.tag !== undefined || reference.digest !== undefined);
    }
    const digest = parseDigest(text);
    assert.ok(!digest.ok || (digest.digest === text && `${digest.algorithm}:${digest.encoded}` === text));
    assert.ok(parseTask(text, 1) === undefined || (digest.ok && digest.known));
    const listen = parseListen(text);
    // What was read is read again from what it is written as.
    if (listen !== undefined) assert.deepEqual(parseListen(formatAddress(listen)), listen);
    return [reference !== undefined, digest.ok, listen !== undefined, parseHostId(text) !== undefined, isTag(text)].map(Number).join("");
  },
};

/**
 * Manifests and indexes as `darner pull` reads them.
 * @public the runner finds it by the name of its file
 */
export const manifest: FuzzTarget = {
  name: "pulled-manifest",
  seeds: [MANIFEST, `{"manifests":[{"digest":"sha256:${HEX}","size":1}]}`, "{}", "[]"],
  words: [
    '"layers":',
    '"manifests":',
    '"size":-1',
    '"size":1e400',
    '"platform":null',
    '"os":',
    "[",
    "]",
    "{",
    "}",
    "null",
    `"sha256:${HEX}"`,
  ],
  make: (dice) => MANIFEST.replace("9", dice.pick(["0", "-1", "1.5", "9007199254740993", '"9"', "null"])),
  check: (input) => {
    const parts = namesIn(input);
    if (parts === undefined) return "no manifest";
    for (const { digest, size } of [...parts.blobs, ...parts.manifests]) {
      assert.ok(parseTask(digest, 0) !== undefined && Number.isSafeInteger(size) && size >= 0);
      assert.ok(utf8(input).includes("sha"));
    }
    return `${String(Math.min(parts.blobs.length, 3))} blobs, ${String(Math.min(parts.manifests.length, 3))} manifests`;
  },
};
