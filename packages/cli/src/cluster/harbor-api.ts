import { request as plain } from "node:http";
import { request as secure } from "node:https";
import { text } from "node:stream/consumers";

/** A Harbor, as its administrator asks it. */
export type HarborApi = {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** PEM; absent: what the system trusts. */
  readonly ca?: string;
};

/** A preheat provider's instance as Harbor takes and shows it. */
export type HarborInstance = {
  readonly id?: number;
  readonly name: string;
  readonly vendor: string;
  readonly endpoint: string;
  readonly auth_mode: string;
  readonly auth_info?: Readonly<Record<string, string>>;
  readonly enabled: boolean;
  readonly insecure: boolean;
};

/** Harbor turned a request down; 4xx will not be different the next time. */
export class HarborRefusal extends Error {
  readonly status: number;

  constructor(status: number, what: string, told: string) {
    super(`Harbor answered ${String(status)} to ${what}${told === "" ? "" : `: ${told}`}`);
    this.name = "HarborRefusal";
    this.status = status;
  }
}

const INSTANCES = "/api/v2.0/p2p/preheat/instances";
const ANSWER_MS = 15_000;
const MAX_TOLD = 300;

/** The instance of this name; undefined where there is none. */
export async function findInstance(harbor: HarborApi, name: string): Promise<HarborInstance | undefined> {
  const body = await ask(harbor, { method: "GET", path: `${INSTANCES}?page=1&page_size=100`, what: "a look at its preheat instances" });
  return (body as readonly HarborInstance[]).find((instance) => instance.name === name);
}

/** Makes an instance. */
export async function makeInstance(harbor: HarborApi, instance: HarborInstance): Promise<void> {
  await ask(harbor, { method: "POST", path: INSTANCES, body: instance, what: `the new preheat instance ${instance.name}` });
}

/** Changes an instance as a whole. */
export async function changeInstance(harbor: HarborApi, instance: HarborInstance): Promise<void> {
  const path = `${INSTANCES}/${encodeURIComponent(instance.name)}`;
  await ask(harbor, { method: "PUT", path, body: instance, what: `a change of the preheat instance ${instance.name}` });
}

type Asked = { readonly method: string; readonly path: string; readonly body?: unknown; readonly what: string };

async function ask(harbor: HarborApi, { method, path, body, what }: Asked): Promise<unknown> {
  const authorization = `Basic ${Buffer.from(`${harbor.username}:${harbor.password}`).toString("base64")}`;
  const headers = { authorization, accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) };
  const options = { method, headers, signal: AbortSignal.timeout(ANSWER_MS), agent: false };
  const url = `${harbor.url.replace(/\/+$/, "")}${path}`;
  const { promise, resolve, reject } = Promise.withResolvers<{ readonly status: number; readonly told: string }>();
  const isSecure = url.startsWith("https:");
  const sent = isSecure ? secure(url, { ...options, ...(harbor.ca === undefined ? {} : { ca: harbor.ca }) }) : plain(url, options);
  sent.on("error", reject);
  sent.on("response", (response) => {
    text(response).then((told) => {
      resolve({ status: response.statusCode ?? 0, told });
    }, reject);
  });
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  const { status, told } = await promise;
  if (status < 200 || status > 299) throw new HarborRefusal(status, what, told.slice(0, MAX_TOLD).trim());
  return told === "" ? undefined : (JSON.parse(told) as unknown);
}
