import { createHmac, randomBytes } from "node:crypto";
import { Secret } from "@darner/runtime";
import type { Keychain, OwnCredential } from "../keychain/keychain.ts";
import type { Authority } from "../registry-client.ts";
import type { Upstream } from "../wire/upstream.ts";

/** Whose rights a request has. */
export type Identity = {
  /** A name for tables in memory; of a caller's credential it tells nothing. */
  readonly key: string;
  /** The caller's own header, or a registry token of Darner's: goes out as it is, and no token is fetched for it. */
  readonly authorization: Secret | undefined;
  /** Darner's credential for the registry, as a Basic header. */
  readonly basic: Secret | undefined;
  /** Darner's identity token, to be changed for an access token. */
  readonly refresh: Secret | undefined;
};

// Lives as long as the process and is written nowhere: a key made from a credential means nothing outside of it.
const processKey = randomBytes(32);

/** Finds out in whose name a request goes. Where no credential is configured or found, `own` is anonymous. */
export async function identityOf(
  upstream: Upstream,
  repository: string | undefined,
  authority: Authority,
  keychain: Keychain | undefined,
): Promise<Identity> {
  switch (authority.kind) {
    case "caller": {
      const { authorization } = authority;
      return { key: `caller ${keyOf(authorization)}`, authorization, basic: undefined, refresh: undefined };
    }
    case "own": {
      const { credentials } = upstream.entry;
      if (credentials !== undefined) return ownIdentity({ kind: "password", ...credentials });
      const found = await keychain?.find({ registry: upstream.name, name: repository ?? "" });
      return found === undefined ? ANONYMOUS : ownIdentity(found);
    }
    case "anonymous":
      return ANONYMOUS;
  }
}

const ANONYMOUS: Identity = { key: "anonymous", authorization: undefined, basic: undefined, refresh: undefined };

/** A credential that changed is another identity: no token fetched with the old one is used for it. */
function ownIdentity(credential: OwnCredential): Identity {
  const none = { authorization: undefined, basic: undefined, refresh: undefined };
  switch (credential.kind) {
    case "password": {
      const text = `${credential.username}:${credential.password.reveal()}`;
      const basic = new Secret(`Basic ${Buffer.from(text, "utf8").toString("base64")}`);
      return { ...none, key: `own ${keyOf(basic)}`, basic };
    }
    case "identity-token":
      return { ...none, key: `own ${keyOf(credential.token)}`, refresh: credential.token };
    case "registry-token":
      return { ...none, key: `own ${keyOf(credential.token)}`, authorization: new Secret(`Bearer ${credential.token.reveal()}`) };
  }
}

function keyOf(secret: Secret): string {
  return createHmac("sha256", processKey).update(secret.reveal()).digest("base64");
}
