import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { openRegistryClient } from "@darner/registry-client";
import type { RegistryClient, RegistryClientConfig, RefusedHost, RegistryClientDeps, ResolvedAddress } from "@darner/registry-client";
import { capturedLog, noLeaks, openScriptedRegistry, randomBlob, type CapturedLog } from "@darner/testkit";
import { anonymous, failure, openBench } from "../../test/setup.ts";
import { withDefaults } from "../config.ts";
import { checkedLookup, dialPermission } from "./host-policy.ts";
import { upstreamOf } from "./upstream.ts";

noLeaks();

type Rig = AsyncDisposable & { readonly client: RegistryClient; readonly log: CapturedLog; readonly resolved: string[] };

/** A client whose names resolve as told; nothing it may dial is there, so a host that is let through ends as unavailable. */
function rig(
  addresses: Readonly<Record<string, string | string[]>>,
  config: RegistryClientConfig = {},
  more: Partial<RegistryClientDeps> = {},
): Rig {
  const [log, resolved]: [CapturedLog, string[]] = [capturedLog(), []];
  const lookup = async (hostname: string): Promise<ResolvedAddress[]> => {
    resolved.push(hostname);
    return [addresses[hostname] ?? []].flat().map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  };
  const client = openRegistryClient({ timeouts: { connectMs: 50 }, ...config }, { log, lookup, ...more });
  return { client, log, resolved, [Symbol.asyncDispose]: () => client.close() };
}

const ask = (client: RegistryClient, registry: string): Promise<unknown> =>
  client.head({ repository: { registry, name: "a/b" }, kind: "manifest", reference: "latest", authority: anonymous });

test("case 13: addresses and local names are refused without resolving or connecting", async () => {
  await using r = rig({});
  for (const registry of [
    "127.0.0.1:6443",
    "localhost",
    "localhost:5000",
    "169.254.169.254",
    "metadata.google.internal",
    "10.1.2.3",
    "0.0.0.0",
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
    "8.8.8.8",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "kubernetes",
    "x.local",
    "a.localhost",
    "svc.cluster.local",
  ]) {
    await failure(ask(r.client, registry), "host-refused");
  }
  assert.deepEqual(r.resolved, []);
});

test("case 13: a cluster-internal name is refused by what it resolves to", async () => {
  await using r = rig({ "api.default": "10.96.0.1" });
  assert.match((await failure(ask(r.client, "api.default"), "host-refused")).reason, /private/);
});

test("case 14: a public name that resolves to a private, local or metadata address is refused at connect time", async () => {
  const bad = [
    "10.0.0.1",
    "192.168.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "::1",
    "fe80::1",
    "fd00::1",
    "::ffff:127.0.0.1",
    "64:ff9b::a9fe:a9fe",
  ];
  for (const address of bad) {
    await using r = rig({ "rebind.example": address });
    await failure(ask(r.client, "rebind.example"), "host-refused");
    assert.deepEqual(r.resolved, ["rebind.example"]);
  }
});

test("case 14: DNS rebinding: the address is checked at every connection, not once for the name", async () => {
  await using registry = await openScriptedRegistry();
  let turn = 0;
  const lookup = async (): Promise<ResolvedAddress[]> => {
    turn += 1;
    return [{ address: turn === 1 ? "198.51.100.1" : "127.0.0.1", family: 4 }];
  };
  await using r = rig({}, {}, { lookup });
  const name = `rebind.example:${registry.host.split(":")[1] ?? ""}`;
  await failure(ask(r.client, name), "host-refused");
  await failure(ask(r.client, name), "host-refused");
  assert.equal(turn, 2);
  assert.equal(registry.requests.length, 0);
});

test("of several addresses only those that may be dialled are dialled", async () => {
  await using registry = await openScriptedRegistry();
  const blob = registry.content.pushBlob("a/b", randomBlob(1, 10).bytes);
  const port = registry.host.split(":")[1] ?? "";
  const name = `localhost:${port}`;
  await using r = rig({ localhost: ["169.254.169.254", "127.0.0.1"] }, { registries: { [name]: { plainHttp: true } } });
  const head = await r.client.head({
    repository: { registry: name, name: "a/b" },
    kind: "blob",
    reference: blob.digest,
    authority: anonymous,
  });
  assert.equal(head.size, 10);
});

test("a listed name may resolve to private addresses, not to loopback or metadata", async () => {
  const registries = { "harbor.corp": {} };
  const upstream = upstreamOf("harbor.corp", withDefaults({ registries }));
  const permission = dialPermission(upstream, upstream.base);
  assert.deepEqual(permission, { private: true, loopback: false });
  const lookup = checkedLookup("harbor.corp", permission, async () => [{ address: "10.1.2.3", family: 4 }]);
  const { promise, resolve } = Promise.withResolvers();
  lookup("harbor.corp", { all: true }, (error, addresses) => resolve([error, addresses]));
  assert.deepEqual(await promise, [null, [{ address: "10.1.2.3", family: 4 }]]);
  for (const address of ["127.0.0.1", "::1", "169.254.169.254", "0.0.0.0"]) {
    await using r = rig({ "harbor.corp": address }, { registries });
    await failure(ask(r.client, "harbor.corp"), "host-refused");
  }
});

test("a listed address is dialled, even on loopback; one of a kind that is never dialled is not", async () => {
  await using b = await openBench();
  await failure(ask(b.client, b.registry.host), "not-found");
  await using r = rig({}, { registries: { "169.254.169.254": { plainHttp: true } } });
  await failure(ask(r.client, "169.254.169.254"), "host-refused");
});

test("case 15: what is no host name is refused", async () => {
  await using r = rig({});
  const bad = [
    "https://ghcr.io",
    "user:pw@ghcr.io",
    "ghcr.io/path",
    "ghcr.io#x",
    "ghcr.io%00",
    "ghcr.io.",
    "GHCR.io",
    "bücher.example",
    "ghcr.io:0",
    "ghcr.io:99999",
    "",
    "a b",
  ];
  for (const registry of bad) await failure(ask(r.client, registry), "host-refused");
  assert.deepEqual(r.resolved, []);
});

test("case 16: https unless configured, and a port stays a port; never http by itself", async () => {
  await using registry = await openScriptedRegistry();
  await using r = rig({}, { registries: { [registry.host]: {} } });
  await failure(ask(r.client, registry.host), "unavailable");
  assert.equal(registry.requests.length, 0);
});

test("a registry that is not on the allow list is refused without resolving", async () => {
  await using r = rig({ "quay.io": "1.1.1.1" }, { allow: (registry) => registry === "docker.io" });
  assert.match((await failure(ask(r.client, "quay.io"), "host-refused")).reason, /allowed/);
  assert.deepEqual(r.resolved, []);
});

test("docker.io is at registry-1.docker.io, by all of its names", async () => {
  await using r = rig({ "registry-1.docker.io": "127.0.0.1" });
  for (const name of ["docker.io", "index.docker.io", "registry-1.docker.io"]) await failure(ask(r.client, name), "host-refused");
  assert.deepEqual(r.resolved, ["registry-1.docker.io", "registry-1.docker.io", "registry-1.docker.io"]);
});

test("a registry may be somewhere else than its name: host, or URL with a path", async () => {
  await using registry = await openScriptedRegistry();
  const entries = { "ghcr.io": { endpoint: registry.host, plainHttp: true }, "quay.io": { endpoint: `${registry.origin}/v2/proxy/` } };
  await using r = rig({}, { registries: entries });
  await failure(ask(r.client, "ghcr.io"), "not-found");
  await failure(ask(r.client, "quay.io"), "not-found");
  assert.deepEqual(
    registry.requests.map(({ path }) => path),
    ["/v2/a/b/manifests/latest", "/v2/proxy/v2/a/b/manifests/latest"],
  );
});

test("a refused name is one warning, with the line to add", async () => {
  await using r = rig({ "rebind.example": "10.0.0.1" });
  for (let n = 0; n < 3; n += 1) await failure(ask(r.client, "rebind.example"), "host-refused");
  assert.deepEqual(r.log.lines, [
    {
      level: "warn",
      message: "upstream host refused",
      fields: { host: "rebind.example", reason: "it resolves to a private address", add: `registries: { "rebind.example": {} }` },
    },
  ]);
});

test("a name that does not resolve is unavailable, one without addresses refused", async () => {
  const lookup = (): Promise<ResolvedAddress[]> => Promise.reject(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }));
  await using r = rig({}, {}, { lookup });
  await failure(ask(r.client, "nowhere.example"), "unavailable");
  await using empty = rig({});
  await failure(ask(empty.client, "nowhere.example"), "host-refused");
});

test("a host on the deny list is dialled for nobody: not as a registry, not as a redirect, not as a realm", async () => {
  const deny = (host: string): boolean => host === "evil.example" || host === "cdn.example:8443";
  const registries = { "good.example": {}, "evil.example": {} };
  const settings = withDefaults({ deny, registries });
  const upstream = upstreamOf("good.example", settings);
  for (const url of ["https://evil.example/x", "https://evil.example:9000/x", "https://cdn.example:8443/x"]) {
    assert.throws(() => dialPermission(upstream, new URL(url)), /mirror\.deny/, url);
  }
  assert.deepEqual(dialPermission(upstream, new URL("https://cdn.example/x")), { private: false, loopback: false });
  await using r = rig({ "evil.example": "1.1.1.1" }, { deny, registries });
  await failure(ask(r.client, "evil.example"), "host-refused");
  assert.deepEqual(r.resolved, []);
});

test("system ports other than 80 and 443 are nobody's but a listed registry's", () => {
  const settings = withDefaults({ registries: { "listed.example:22": {} } });
  const permission = (name: string): unknown => dialPermission(upstreamOf(name, settings), upstreamOf(name, settings).base);
  for (const port of [22, 25, 110, 445, 993, 1023]) assert.throws(() => permission(`public.example:${String(port)}`), /system port/);
  for (const port of [80, 443, 1024, 5000, 8443]) assert.ok(permission(`public.example:${String(port)}`));
  assert.ok(permission("listed.example:22"));
});

test("every refused host is told to whoever keeps the list, with the line that would allow it, and is one warning", async () => {
  const told: RefusedHost[] = [];
  const onRefused = (refused: RefusedHost): void => void told.push(refused);
  await using r = rig({ "bad.example": "10.0.0.1" }, {}, { onRefused });
  for (const _time of [1, 2]) await failure(ask(r.client, "bad.example"), "host-refused");
  const [first] = told;
  assert.deepEqual([told.length, first?.host, first?.add], [2, "bad.example", 'registries: { "bad.example": {} }']);
  assert.equal(r.log.lines.filter(({ level }) => level === "warn").length, 1);
});

test("case 14: DNS rebinding on a real socket: a name that turns to this machine after its check is never connected to", async () => {
  await using canary = await openScriptedRegistry();
  const port = canary.host.split(":")[1] ?? "";
  // Every second answer is this machine; 192.0.2.1 is nobody's and never dialled either.
  for (const turns of [
    ["192.0.2.1", "127.0.0.1"],
    ["10.0.0.1", "::ffff:127.0.0.1"],
    ["127.0.0.1", "127.0.0.1"],
  ]) {
    let asked = 0;
    const lookup = async (): Promise<ResolvedAddress[]> => {
      const address = turns[asked % 2] ?? "";
      asked += 1;
      return [{ address, family: address.includes(":") ? 6 : 4 }];
    };
    await using r = rig({}, {}, { lookup });
    for (let time = 0; time < 4; time += 1) await failure(ask(r.client, `rebind.example:${port}`), "host-refused");
    assert.equal(asked, 4, "resolved once for each connection: what was checked is what would be dialled");
  }
  assert.deepEqual(canary.requests, []);
});

test("the address that was checked is the one that is dialled, on a real socket, though the name leads elsewhere by then", async () => {
  await using registry = await openScriptedRegistry();
  const port = Number(registry.host.split(":")[1]);
  let turn = 0;
  const resolve = async (): Promise<ResolvedAddress[]> => {
    turn += 1;
    return [{ address: turn === 1 ? "127.0.0.1" : "10.0.0.1", family: 4 }];
  };
  const lookup = checkedLookup("name.example", { private: true, loopback: true }, resolve);
  const socket = connect({ host: "name.example", port, lookup });
  await once(socket, "connect");
  assert.deepEqual([socket.remoteAddress, turn], ["127.0.0.1", 1]);
  socket.destroy();
  await once(socket, "close");
});

test("whatever spelling of a place nobody may be sent to, nothing is connected to", async () => {
  await using canary = await openScriptedRegistry();
  const port = canary.host.split(":")[1] ?? "";
  const v4 = fc.oneof(
    fc.constantFrom("127.0.0.1", "0.0.0.0", "169.254.169.254", "10.0.0.1", "192.168.1.1", "100.64.0.1", "224.0.0.1"),
    fc.tuple(fc.constantFrom(127, 10, 0), fc.nat(255), fc.nat(255), fc.nat(255)).map((parts) => parts.join(".")),
  );
  const spelled = v4.chain((address) => fc.constantFrom(...spellings(address)));
  const shape = fc.constantFrom<(host: string) => string>(
    (host) => host,
    (host) => `${host}:${port}`,
    (host) => `user:pw@${host}:${port}`,
    (host) => `${host}.:${port}`,
    (host) => `${host}:${port}/path`,
    (host) => `good.example@${host}:${port}`,
    (host) => `https://${host}:${port}`,
    (host) => `${host}:${port}#good.example`,
    (host) => `${host}:${port}\\@good.example`,
  );
  const client = openRegistryClient({ timeouts: { connectMs: 50 } }, { log: capturedLog(), lookup: () => Promise.resolve([]) });
  await using _client = { [Symbol.asyncDispose]: () => client.close() };
  await fc.assert(
    fc.asyncProperty(spelled, shape, async (host, form) => {
      await failure(ask(client, form(host)), "host-refused");
      const redirected = new URL("https://good.example/");
      for (const url of [`https://${form(host)}`, `http://${form(host)}`, `//${form(host)}`]) {
        if (!URL.canParse(url, redirected.href)) continue;
        const upstream = upstreamOf("good.example", withDefaults({}));
        const to = new URL(url, redirected);
        const goesThere = to.hostname !== "good.example" && !to.hostname.endsWith(".example");
        if (goesThere) assert.throws(() => dialPermission(upstream, to), url);
      }
    }),
  );
  assert.deepEqual(canary.requests, []);
});

/** An IPv4 address as attackers write it. */
function spellings(address: string): string[] {
  const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
  const number = ((a * 256 + b) * 256 + c) * 256 + d;
  const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  return [
    address,
    String(number),
    `0x${number.toString(16)}`,
    `0${number.toString(8)}`,
    `${String(a)}.${String((b * 256 + c) * 256 + d)}`,
    `0x${a.toString(16)}.${String(b)}.${String(c)}.${String(d)}`,
    `0${a.toString(8)}.0${b.toString(8)}.0${c.toString(8)}.0${d.toString(8)}`,
    `[::ffff:${address}]`,
    `[::ffff:${hex}]`,
    `[64:ff9b::${hex}]`,
    `[2002:${hex}::1]`,
    `[::${hex}]`,
    address.replace(/1/g, "\u2460"),
    address.replace(/\./g, "\u3002"),
    encodeURIComponent(address).replace(/\./g, "%2e"),
  ];
}
