import assert from "node:assert/strict";
import { test } from "node:test";
import { isProbeRegistry } from "@darner/domain";
import { systemClock } from "@darner/runtime";
import { noLeaks } from "@darner/testkit";
import { probe, type ProbeDeps } from "./probe.ts";

noLeaks();

type Ending = "refused" | "unreachable";

/** A runtime that asks the mirror or does not, and says how the pull ended. */
function runtime(asksMirror: boolean, ending: Ending): ProbeDeps & { readonly images: string[] } {
  const images: string[] = [];
  const seen = new Set<string>();
  const pull = (image: string): Promise<Ending> => {
    images.push(image);
    if (asksMirror) seen.add(image.split("/")[0] ?? "");
    return Promise.resolve(ending);
  };
  return { images, cri: { pull }, arrived: (registry) => Promise.resolve(seen.has(registry)), timers: systemClock };
}

const never = new AbortController().signal;

test("a runtime that asks the mirror is known by it; one that does not, too", async () => {
  assert.equal(await probe(runtime(true, "refused"), never), "arrived");
  assert.equal(await probe(runtime(false, "refused"), never), "lost");
  assert.equal(await probe(runtime(false, "unreachable"), never), "unreachable");
});

test("every probe has a name of its own, which no registry has", async () => {
  const asked = runtime(true, "refused");
  await probe(asked, never);
  await probe(asked, never);
  const registries = asked.images.map((image) => image.split("/")[0] ?? "");
  assert.ok(registries.every(isProbeRegistry));
  assert.equal(new Set(registries).size, 2);
});

test("a request that arrived ends the wait, although the runtime still looks for the name", async () => {
  const stuck = { ...runtime(true, "refused") };
  const held = Promise.withResolvers<Ending>();
  const pulling: ProbeDeps = { ...stuck, cri: { pull: async (image) => (await stuck.cri.pull(image), held.promise) } };
  assert.equal(await probe(pulling, never), "arrived");
  held.resolve("refused");
});
