import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { suite, test } from "node:test";
import { HarborInstances, noLeaks, openTempDir, type GivenInstance } from "@darner/testkit";
import { UsageError } from "../command.ts";
import { runHarbor } from "./run-harbor.ts";

noLeaks();

type Harbor = AsyncDisposable & {
  readonly instances: Map<string, GivenInstance>;
  readonly asked: string[];
  run(...words: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }>;
};

/** A Harbor on loopback that knows preheat instances. */
async function openHarbor(password = "Harbor12345"): Promise<Harbor> {
  await using births = new AsyncDisposableStack();
  const dir = births.use(await openTempDir());
  const harbor = new HarborInstances("admin", "Harbor12345");
  const server = createServer((request, response) => {
    void harbor.answer(request).then(([status, body]) => response.writeHead(status).end(body === undefined ? "" : JSON.stringify(body)));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  births.defer(async () => {
    server.closeAllConnections();
    await once(server.close(), "close");
  });
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const files = { username: "admin\n", password: `${password}\n`, "api-token": "token-of-the-api\nolder\n" };
  for (const [name, content] of Object.entries(files)) await writeFile(join(dir.path, name), content);
  const always = ["register", "--harbor", url, "--credentials", dir.path, "--token-file", join(dir.path, "api-token")];
  const lives = births.move();
  return {
    instances: harbor.given,
    asked: harbor.asked,
    async run(...words) {
      const said = { out: "", err: "" };
      const terminal = {
        out: (line: string) => void (said.out += line),
        err: (line: string) => void (said.err += line),
        live: false,
        columns: 80,
      };
      const code = await runHarbor({ argv: [...always, ...words], env: {}, terminal, signal: new AbortController().signal });
      return { code, ...said };
    },
    [Symbol.asyncDispose]: () => lives.disposeAsync(),
  };
}

suite("darner harbor register", () => {
  test("makes the instance, with the first token of the file", async () => {
    await using harbor = await openHarbor();
    const { code, out } = await harbor.run("--endpoint", "http://darner-api.darner.svc:4111");
    assert.equal(code, 0);
    assert.match(out, /darner is a preheat provider of .* now/);
    const {
      auth_info: credential,
      vendor,
      endpoint,
      auth_mode: mode,
      enabled,
    } = harbor.instances.get("darner") ?? ({} as Partial<GivenInstance>);
    assert.deepEqual(
      { credential, vendor, endpoint, mode, enabled },
      {
        credential: { token: "token-of-the-api" },
        vendor: "dragonfly",
        endpoint: "http://darner-api.darner.svc:4111",
        mode: "OAUTH",
        enabled: true,
      },
    );
  });

  test("run again changes the one that is there, and keeps what it does not know", async () => {
    await using harbor = await openHarbor();
    harbor.instances.set("darner", { name: "darner", id: 7, vendor: "dragonfly", endpoint: "http://old:4111", description: "ours" });
    const { code, out } = await harbor.run("--endpoint", "http://new:4111");
    assert.equal(code, 0);
    assert.match(out, /brought up to date/);
    assert.equal(harbor.instances.size, 1);
    const { endpoint, description, id } = harbor.instances.get("darner") ?? ({} as Partial<GivenInstance>);
    assert.deepEqual([endpoint, description, id], ["http://new:4111", "ours", 7]);
  });

  test("does not try again what Harbor refuses for good, and quotes no password", async () => {
    await using harbor = await openHarbor("wrong");
    const { code, err } = await harbor.run("--endpoint", "http://new:4111");
    assert.equal(code, 1);
    assert.match(err, /Harbor answered 401 to a look at its preheat instances/);
    assert.doesNotMatch(err, /wrong|token-of/);
    assert.equal(harbor.asked.length, 1);
  });

  test("leaves an instance of somebody else alone", async () => {
    await using harbor = await openHarbor();
    harbor.instances.set("darner", { name: "darner", vendor: "kraken" });
    const { code, err } = await harbor.run("--endpoint", "http://new:4111");
    assert.equal(code, 1);
    assert.match(err, /it is an instance of kraken; choose another --name/);
  });

  test("says what is missing or cannot be", async () => {
    await using harbor = await openHarbor();
    for (const words of [[], ["--endpoint", "darner:4111"], ["--endpoint", "http://d:4111", "--name", "a b"]]) {
      await assert.rejects(harbor.run(...words), UsageError);
    }
    const { code, err } = await harbor.run("--endpoint", "http://d:4111", "--token-file", "/nowhere/token");
    assert.equal(code, 1);
    assert.match(err, /no such file.*\/nowhere\/token/);
  });
});
