import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { suite, test } from "node:test";
import { capturedLog, noLeaks, openTempDir, selfSigned, type CapturedLog } from "@darner/testkit";
import { AccountReviewer } from "./token-review.ts";

noLeaks();

const AUDIENCE = "darner";
const DAEMONS = "system:serviceaccount:darner:daemon";

type Asked = { readonly path: string; readonly authorization: string | undefined; readonly body: unknown };

/** What a scripted API server says of a token; the whole answer. */
type Say = (token: string) => { readonly status: number; readonly body: string };

type ApiServer = AsyncDisposable & {
  readonly url: string;
  readonly asked: Asked[];
  readonly reviewer: AccountReviewer;
  readonly log: CapturedLog;
  /** Puts another token where the scheduler's own is. */
  renew(token: string): Promise<void>;
};

function review(status: object): { readonly status: number; readonly body: string } {
  return { status: 201, body: JSON.stringify({ kind: "TokenReview", status }) };
}

function known(username: string, audiences: readonly string[] = [AUDIENCE]): Say {
  return () => review({ authenticated: true, user: { username }, audiences });
}

type ApiPlan = { readonly say: Say; readonly trusted?: boolean; readonly serviceAccounts?: readonly string[] };

/** An API server on loopback with a certificate of its own, and a reviewer that asks it. */
async function openApiServer({ say, trusted = true, serviceAccounts = ["darner/daemon"] }: ApiPlan): Promise<ApiServer> {
  await using births = new AsyncDisposableStack();
  const dir = births.use(await openTempDir());
  const [tls, other] = [selfSigned(), selfSigned()];
  const asked: Asked[] = [];
  const answer = async (request: IncomingMessage): Promise<ReturnType<Say>> => {
    const body = (await json(request)) as { spec: { token: string } };
    asked.push({ path: request.url ?? "", authorization: request.headers.authorization, body });
    return say(body.spec.token);
  };
  const server: Server = createServer({ key: tls.key, cert: tls.cert }, (request, response) => {
    void answer(request).then(({ status, body }) => response.writeHead(status).end(body));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  births.defer(async () => {
    server.closeAllConnections();
    await once(server.close(), "close");
  });
  const [caFile, reviewerTokenFile] = [join(dir.path, "ca.crt"), join(dir.path, "token")];
  await writeFile(caFile, trusted ? tls.cert : other.cert);
  await writeFile(reviewerTokenFile, "own-1\n");
  const url = `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const log = capturedLog();
  const reviewer = new AccountReviewer({ serviceAccounts, apiServer: url, caFile, audience: AUDIENCE, reviewerTokenFile }, log);
  const lives = births.move();
  return {
    url,
    asked,
    reviewer,
    log,
    renew: (token) => writeFile(reviewerTokenFile, token),
    [Symbol.asyncDispose]: () => lives.disposeAsync(),
  };
}

suite("service accounts in place of join tokens", () => {
  test("a token of a listed account, meant for Darner, is let in by its account's name", async () => {
    await using api = await openApiServer({ say: known(DAEMONS) });
    assert.deepEqual(await api.reviewer.review("pod-token"), { type: "account", name: "darner/daemon" });
    assert.deepEqual(api.asked, [
      {
        path: "/apis/authentication.k8s.io/v1/tokenreviews",
        authorization: "Bearer own-1",
        body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token: "pod-token", audiences: [AUDIENCE] } },
      },
    ]);
  });

  for (const [what, say] of [
    ["of another account", known("system:serviceaccount:default:daemon")],
    ["of a person with the account's name", known("darner/daemon")],
    ["that is meant for somebody else", known(DAEMONS, ["https://kubernetes.default.svc"])],
    ["that is meant for nobody in particular", known(DAEMONS, [])],
    ["that the API server does not know", () => review({ authenticated: false, error: "invalid bearer token" })],
    ["about which the answer says nothing", () => review({})],
    ["about which the answer says null", () => ({ status: 201, body: "null" })],
    ["whose answer is of wrong types", () => review({ authenticated: "yes", user: { username: 7 }, audiences: AUDIENCE })],
  ] as const satisfies readonly (readonly [string, Say])[]) {
    test(`a token ${what} is refused`, async () => {
      await using api = await openApiServer({ say });
      assert.deepEqual(await api.reviewer.review("pod-token"), { type: "refused" });
    });
  }

  for (const [what, say, told] of [
    ["may not review", () => ({ status: 403, body: "{}" }), /system:auth-delegator/],
    ["is in trouble", () => ({ status: 500, body: "{}" }), /refused to review/],
    ["answers with a page", () => ({ status: 201, body: "<html>" }), /could not be asked/],
    ["answers without end", () => ({ status: 201, body: " ".repeat(300 * 1024) }), /could not be asked/],
  ] as const satisfies readonly (readonly [string, Say, RegExp])[]) {
    test(`where the API server ${what} nobody is let in or refused for good, and the log says so without the token`, async () => {
      await using api = await openApiServer({ say });
      assert.deepEqual(await api.reviewer.review("pod-secret"), { type: "unverified" });
      const text = JSON.stringify(api.log.lines);
      assert.match(text, told);
      assert.ok(!text.includes("pod-secret") && !text.includes("own-1"));
    });
  }

  test("an API server that is down is a state, and over when it is back", async () => {
    const api = await openApiServer({ say: known(DAEMONS) });
    const { reviewer } = api;
    await api[Symbol.asyncDispose]();
    assert.deepEqual(await reviewer.review("pod-token"), { type: "unverified" });
  });

  test("an API server whose certificate another authority signed is told nothing", async () => {
    await using api = await openApiServer({ say: known(DAEMONS), trusted: false });
    assert.deepEqual(await api.reviewer.review("pod-token"), { type: "unverified" });
    assert.deepEqual(api.asked, []);
  });

  test("the scheduler's own token is read anew each time: Kubernetes renews it", async () => {
    await using api = await openApiServer({ say: known(DAEMONS) });
    for (const own of ["own-1", "own-2"]) {
      await api.renew(own);
      await api.reviewer.review("pod-token");
    }
    assert.deepEqual(
      api.asked.map(({ authorization }) => authorization),
      ["Bearer own-1", "Bearer own-2"],
    );
  });

  test("where no account may join, nobody is asked; where sixteen are being asked about, the next one waits for another try", async () => {
    await using none = await openApiServer({ say: known(DAEMONS), serviceAccounts: [] });
    assert.deepEqual(await none.reviewer.review("pod-token"), { type: "refused" });
    assert.deepEqual(none.asked, []);
    await using api = await openApiServer({ say: known(DAEMONS) });
    const verdicts = await Promise.all(Array.from({ length: 20 }, () => api.reviewer.review("pod-token")));
    assert.deepEqual([verdicts.filter(({ type }) => type === "account").length, api.asked.length], [16, 16]);
  });
});
