import { randomUUID } from "node:crypto";

/** How a registry asks who is there, and who may have what. */
export type AccessPlan = {
  /** `none`: everybody may have everything; `bearer`: a token service; `basic`: user and password at the registry itself. Default: none. */
  readonly scheme?: "none" | "bearer" | "basic";
  /** Users with their passwords. */
  readonly users?: Readonly<Record<string, string>>;
  /** Repositories an anonymous token does not open. */
  readonly privateRepositories?: readonly string[];
  /** Who may pull from a private repository; default: every user. */
  readonly readers?: Readonly<Record<string, readonly string[]>>;
  /** `expires_in` of a token; absent: the answer does not say. Tokens really end with `expireTokens()`. */
  readonly expiresInSeconds?: number;
  /** The field the token comes in; default: `token`. */
  readonly tokenField?: "token" | "access_token";
  /** A token service that speaks OAuth2 by POST alone: identity tokens with the user each stands for. Default: GET alone. */
  readonly identityTokens?: Readonly<Record<string, string>>;
  /** A realm to name in the challenge instead of this registry's own token service. */
  readonly realm?: string;
};

/** The gate's verdict on one request. */
export type Verdict = { readonly kind: "allowed" } | { readonly kind: "challenge"; readonly value: string };

type Issued = { readonly user: string | undefined; readonly scope: string };

/** Checks Authorization headers and issues tokens, as a registry with a token service does. */
export class AccessGate {
  readonly #plan: AccessPlan;
  readonly #tokens = new Map<string, Issued>();

  constructor(plan: AccessPlan) {
    this.#plan = plan;
  }

  expireTokens(): void {
    this.#tokens.clear();
  }

  /** Whether this request may pass; `repository` is undefined for `/v2/`. */
  judge(authorization: string | undefined, repository: string | undefined, origin: string): Verdict {
    switch (this.#plan.scheme ?? "none") {
      case "none":
        return { kind: "allowed" };
      case "basic":
        return this.#userOf(authorization) === undefined ? { kind: "challenge", value: `Basic realm="registry"` } : { kind: "allowed" };
      case "bearer":
        return this.#judgeToken(authorization, repository, origin);
    }
  }

  /** The token service's answer: a JSON body, or undefined for a wrong password. */
  issue(authorization: string | undefined, query: URLSearchParams): object | undefined {
    const user = this.#userOf(authorization);
    if (authorization !== undefined && user === undefined) return undefined;
    return this.#issueTo(user, query.getAll("scope").join(" "));
  }

  /** Whether tokens are asked for by POST. */
  get speaksOAuth2(): boolean {
    return this.#plan.identityTokens !== undefined;
  }

  /** The token service's answer to an OAuth2 form, or undefined for a wrong password or identity token. */
  issueOAuth2(form: URLSearchParams): object | undefined {
    const scope = form.get("scope") ?? "";
    if (form.get("grant_type") === "refresh_token") {
      const known = this.#plan.identityTokens ?? {};
      const shown = form.get("refresh_token") ?? "";
      return Object.hasOwn(known, shown) ? this.#issueTo(known[shown], scope) : undefined;
    }
    const pair = Buffer.from(`${form.get("username") ?? ""}:${form.get("password") ?? ""}`).toString("base64");
    const user = this.#userOf(`Basic ${pair}`);
    return form.get("grant_type") === "password" && user !== undefined ? this.#issueTo(user, scope) : undefined;
  }

  #issueTo(user: string | undefined, scope: string): object {
    const token = randomUUID();
    this.#tokens.set(token, { user, scope });
    const life = this.#plan.expiresInSeconds === undefined ? {} : { expires_in: this.#plan.expiresInSeconds };
    return { [this.#plan.tokenField ?? "token"]: token, ...life };
  }

  #judgeToken(authorization: string | undefined, repository: string | undefined, origin: string): Verdict {
    const realm = this.#plan.realm ?? `${origin}/token`;
    const scope = repository === undefined ? "" : `,scope="repository:${repository}:pull"`;
    const challenge = (error: string): Verdict => ({
      kind: "challenge",
      value: `Bearer realm="${realm}",service="scripted"${scope}${error}`,
    });
    if (authorization === undefined) return challenge("");
    const issued = this.#tokens.get(/^bearer (.+)$/i.exec(authorization)?.[1] ?? "");
    if (issued === undefined) return challenge(`,error="invalid_token"`);
    if (repository === undefined) return { kind: "allowed" };
    if (!issued.scope.includes(`repository:${repository}:`)) return challenge(`,error="insufficient_scope"`);
    const isPrivate = this.#plan.privateRepositories?.includes(repository) === true;
    return isPrivate && !this.#mayRead(issued.user, repository) ? challenge(`,error="insufficient_scope"`) : { kind: "allowed" };
  }

  #mayRead(user: string | undefined, repository: string): boolean {
    return user !== undefined && (this.#plan.readers?.[repository]?.includes(user) ?? true);
  }

  #userOf(authorization: string | undefined): string | undefined {
    const encoded = /^basic (.+)$/i.exec(authorization ?? "")?.[1];
    if (encoded === undefined) return undefined;
    const [user = "", ...password] = Buffer.from(encoded, "base64").toString("utf8").split(":");
    const known = this.#plan.users ?? {};
    return Object.hasOwn(known, user) && known[user] === password.join(":") ? user : undefined;
  }
}
