import assert from "node:assert/strict";
import { test } from "node:test";
import { registryBehind } from "./registry-behind.ts";

test("a name whose endpoint is another name, dialled alike, is that registry", () => {
  const behind = registryBehind({
    "10.0.0.5:5000": { plainHttp: true },
    "mirror.test": { plainHttp: true, endpoint: "10.0.0.5:5000" },
    "harbor.test": { endpoint: "harbor.corp:8443" },
    "hub.test": { endpoint: "registry-1.docker.io" },
  });
  assert.deepEqual(["mirror.test", "harbor.test", "hub.test"].map(behind), ["10.0.0.5:5000", "harbor.corp:8443", "docker.io"]);
});

test("a name of its own, one that is dialled otherwise, and one that leads on elsewhere stay what they are", () => {
  const behind = registryBehind({
    "plain.test": { plainHttp: true, endpoint: "secure.test" },
    "first.test": { endpoint: "second.test" },
    "second.test": { endpoint: "third.test" },
    "secure.test": {},
  });
  const names = ["plain.test", "first.test", "secure.test", "unlisted.test", "constructor"];
  assert.deepEqual(names.map(behind), names);
});
