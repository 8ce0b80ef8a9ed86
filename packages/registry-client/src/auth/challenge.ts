/** One challenge of a WWW-Authenticate header; scheme and parameter names in lower case, values as they came. */
export type Challenge = { readonly scheme: string; readonly params: ReadonlyMap<string, string>; readonly token68?: string };

const BLANKS = /[ \t]*/y;
const SEPARATORS = /[ \t,]*/y;
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const EQUALS = /[ \t]*=[ \t]*/y;
// RFC 9110 section 11.2; only as the whole of what follows a scheme, as `name=` at the end of a list would look the same.
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;
const QUOTED = /"((?:[^"\\]|\\.)*)(?:"|\\?$)/sy;
// Registries send unquoted realms, which RFC 9110 does not allow: whatever is not a blank, comma or quote.
const BARE = /[^ \t,"]*/y;

/** Reads WWW-Authenticate values (RFC 9110 section 11.6.1): several headers, several challenges in one. Total: what is no challenge is skipped. */
export function parseChallenges(values: readonly string[]): Challenge[] {
  return values.flatMap((value) => new Reader(value).challenges());
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  challenges(): Challenge[] {
    const found: Challenge[] = [];
    for (;;) {
      this.#take(SEPARATORS);
      if (this.#at >= this.#text.length) return found;
      const scheme = this.#take(TOKEN);
      if (scheme === "") this.#at += 1;
      else found.push(this.#challenge(scheme.toLowerCase()));
    }
  }

  #challenge(scheme: string): Challenge {
    const blank = this.#take(BLANKS);
    const token68 = blank === "" ? "" : this.#token68();
    if (token68 !== "") return { scheme, params: new Map(), token68 };
    const params = new Map<string, string>();
    for (;;) {
      const before = this.#at;
      this.#take(SEPARATORS);
      const name = this.#take(TOKEN).toLowerCase();
      if (name === "" || this.#take(EQUALS) === "") {
        // Not a parameter: the next challenge begins here, or the header is at its end.
        this.#at = before;
        return { scheme, params };
      }
      const value = this.#value();
      if (!params.has(name)) params.set(name, value);
    }
  }

  #token68(): string {
    const before = this.#at;
    const text = this.#take(TOKEN68);
    // A token without `=` that is a scheme's name by its form is rather the next challenge, after a comma that was forgotten.
    if (text !== "" && !/^(?:bearer|basic|negotiate|digest|ntlm)$/i.test(text)) return text;
    this.#at = before;
    return "";
  }

  #value(): string {
    QUOTED.lastIndex = this.#at;
    const quoted = QUOTED.exec(this.#text);
    if (quoted === null) return this.#take(BARE);
    this.#at = QUOTED.lastIndex;
    return (quoted[1] ?? "").replace(/\\(.)/gs, "$1");
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += match.length;
    return match;
  }
}
