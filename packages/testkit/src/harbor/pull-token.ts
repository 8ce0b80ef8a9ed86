import { createPrivateKey, createPublicKey, createSign, createVerify, generateKeyPairSync, randomUUID } from "node:crypto";

/** What a pull token is for, and when it holds. */
export type PullTokenPlan = {
  /** `<project>/<repository>`; the token opens the whole project. */
  readonly repository: string;
  /** Seconds from now until it ends, negative for one that has ended; Harbor's own setting is 30 minutes. */
  readonly lifetimeSeconds?: number;
};

const LIFETIME_S = 1800;
// Harbor takes a token for so long after its end.
const CLOCK_SKEW_S = 60;
const MODULUS_BITS = 2048;

/** Mints and checks pull tokens as Harbor's token service does: RS256, a `kid`, an `exp`. */
export class PullTokens {
  readonly #key: string;
  readonly #publicKey: string;
  #keyId: string = randomUUID();
  readonly #skewS: number;
  readonly #wallClock: () => number;

  constructor(skewS: number = CLOCK_SKEW_S, wallClock: () => number = Date.now) {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: MODULUS_BITS });
    this.#key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    this.#publicKey = createPublicKey(createPrivateKey(this.#key)).export({ type: "spki", format: "pem" }).toString();
    this.#skewS = skewS;
    this.#wallClock = wallClock;
  }

  mint({ repository, lifetimeSeconds = LIFETIME_S }: PullTokenPlan): string {
    const now = Math.floor(this.#wallClock() / 1000);
    const claims = {
      iss: "harbor-token-issuer",
      sub: "distributor",
      aud: "harbor-registry",
      exp: now + lifetimeSeconds,
      nbf: Math.min(now, now + lifetimeSeconds - 1),
      iat: now,
      jti: randomUUID(),
      access: [{ type: "repository", name: repository, actions: ["pull"] }],
    };
    const text = `${encoded(this.#header())}.${encoded(claims)}`;
    return `${text}.${createSign("RSA-SHA256").update(text).sign(this.#key).toString("base64url")}`;
  }

  /** From now on no token minted so far is taken: as if all had ended. */
  expireAll(): void {
    this.#keyId = randomUUID();
  }

  /** Whether a token opens a repository now: any of the project that it was minted for. */
  opens(token: string, repository: string): boolean {
    const [header = "", claims = "", signature = ""] = token.split(".");
    const proof = Buffer.from(signature, "base64url");
    if (!token.startsWith(encoded(this.#header()))) return false;
    if (!createVerify("RSA-SHA256").update(`${header}.${claims}`).verify(this.#publicKey, proof)) return false;
    const { exp, access } = JSON.parse(Buffer.from(claims, "base64url").toString("utf8")) as {
      readonly exp: number;
      readonly access: readonly { readonly name: string; readonly actions: readonly string[] }[];
    };
    const isLive = this.#wallClock() / 1000 < exp + this.#skewS;
    return isLive && access.some(({ name, actions }) => projectOf(name) === projectOf(repository) && actions.includes("pull"));
  }

  #header(): object {
    return { typ: "JWT", alg: "RS256", kid: this.#keyId };
  }
}

/** The project of a repository's full name. */
export function projectOf(repository: string): string {
  return repository.split("/")[0] ?? "";
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
