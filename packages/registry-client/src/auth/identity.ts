import { createHmac, randomBytes } from "node:crypto";
import { Secret } from "@darner/runtime";
import type { Authority } from "../registry-client.ts";
import type { Upstream } from "../wire/upstream.ts";

/** Whose rights a request has. */
export type Identity = {
  /** A name for tables in memory; of a caller's credential it tells nothing. */
  readonly key: string;
  /** The caller's own header: goes out as it is, and no token is fetched for it. */
  readonly authorization: Secret | undefined;
  /** Darner's credential for the registry, as a Basic header. */
  readonly basic: Secret | undefined;
};

// Lives as long as the process and is written nowhere: a key made from a credential means nothing outside of it.
const processKey = randomBytes(32);

/** Finds out in whose name a request goes. Where no credential is configured, `own` is anonymous. */
export function identityOf(upstream: Upstream, authority: Authority): Identity {
  switch (authority.kind) {
    case "caller": {
      const mac = createHmac("sha256", processKey).update(authority.authorization.reveal()).digest("base64");
      return { key: `caller ${mac}`, authorization: authority.authorization, basic: undefined };
    }
    case "own": {
      const { credentials } = upstream.entry;
      if (credentials === undefined) return ANONYMOUS;
      const text = `${credentials.username}:${credentials.password.reveal()}`;
      const basic = new Secret(`Basic ${Buffer.from(text, "utf8").toString("base64")}`);
      return { key: "own", authorization: undefined, basic };
    }
    case "anonymous":
      return ANONYMOUS;
  }
}

const ANONYMOUS: Identity = { key: "anonymous", authorization: undefined, basic: undefined };
