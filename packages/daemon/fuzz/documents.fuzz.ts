import assert from "node:assert/strict";
import { parseDigest } from "@darner/domain";
import type { FuzzDice, FuzzTarget } from "@darner/testkit";
import { Contents } from "../src/access/contents.ts";
import { encodeStatus, readStatus, StatusMessageError } from "../src/p2p/status-message.ts";

const DIGESTS = ["a", "b", "c"].map((letter) => `sha256:${letter.repeat(64)}`);
const REPOSITORY = { registry: "quay.io", name: "a/b" };

function descriptor(dice: FuzzDice): object {
  const odd = dice.once(4) ? { urls: ["http://169.254.169.254/"] } : {};
  return {
    mediaType: dice.pick(["application/vnd.oci.image.layer.v1.tar+gzip", "x.foreign.y"]),
    digest: dice.pick(DIGESTS),
    size: dice.below(99),
    ...odd,
  };
}

/**
 * What a manifest makes part of a repository.
 * @public the runner finds it by the name of its file
 */
export const manifestMembers: FuzzTarget = {
  name: "manifest-members",
  seeds: [
    `{"config":{"digest":"${DIGESTS[0] ?? ""}","size":2},"layers":[]}`,
    `{"manifests":[{"digest":"${DIGESTS[1] ?? ""}"}]}`,
    "[]",
    "null",
  ],
  words: [
    '"layers":',
    '"config":',
    '"manifests":',
    '"blobs":',
    '"urls":',
    '"digest":',
    '"size":-1',
    "[",
    "]",
    "{",
    "}",
    "null",
    '"__proto__":',
    ...DIGESTS,
  ],
  make: (dice) =>
    JSON.stringify({
      config: descriptor(dice),
      layers: [descriptor(dice), descriptor(dice)],
      manifests: dice.once(2) ? [descriptor(dice)] : {},
    }),
  check: (input) => {
    const contents = new Contents();
    contents.addManifest(REPOSITORY, input);
    const found = DIGESTS.flatMap((text) => {
      const parsed = parseDigest(text);
      assert.ok(parsed.ok);
      return (["blob", "manifest"] as const).flatMap((kind) => {
        const facts = contents.get(REPOSITORY, kind, parsed.digest);
        assert.ok(facts?.size === undefined || (Number.isSafeInteger(facts.size) && facts.size >= 0));
        // Nothing belongs to a repository that its manifest did not write out.
        assert.ok(facts === undefined || contents.get({ registry: "docker.io", name: "a/b" }, kind, parsed.digest) === undefined);
        return facts === undefined ? [] : [kind];
      });
    });
    return found.join(" ");
  },
};

/**
 * A host's status as another host sends it, in portions of the size the first byte says.
 * @public the runner finds it by the name of its file
 */
export const status: FuzzTarget = {
  name: "p2p-status",
  seeds: [
    Buffer.concat([Buffer.of(7), encodeStatus({ host: "x", blobs: [1, 2] })]),
    Uint8Array.of(1, 0, 0x10, 0, 1),
    Uint8Array.of(1, 0xff, 0xff, 0xff, 0xff),
  ],
  words: ["\u0000\u0000\u0000", '{"a":', "[]", "null"],
  make: (dice) => Buffer.concat([Buffer.of(dice.below(256)), encodeStatus({ host: dice.below(9), blobs: dice.some(["a", "b"], 3) })]),
  check: async (input) => {
    const portion = 1 + (input[0] ?? 0);
    const portions = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 1; at < input.length; at += portion) yield input.subarray(at, at + portion);
      await Promise.resolve();
    };
    try {
      const read = await readStatus(portions());
      assert.deepEqual(Object.keys(read), Object.keys(JSON.parse(JSON.stringify(read)) as object));
      return "read";
    } catch (error) {
      assert.ok(error instanceof StatusMessageError, String(error));
      return error.message.replaceAll(/[0-9]+/g, "N");
    }
  },
};
