/** Which requests a fault is for; an absent field matches everything. */
export type RequestMatcher = {
  readonly method?: "GET" | "HEAD";
  /** A part of the path, or a pattern for it. */
  readonly path?: string | RegExp;
  readonly kind?: "ping" | "manifest" | "blob" | "tags" | "referrers" | "token";
  /** `first` is the registry itself, `second` the host that redirects lead to; default: `first`. */
  readonly host?: "first" | "second";
  /** Whether the request carries a Range. */
  readonly ranged?: boolean;
};

/** What goes wrong. */
export type FaultAction =
  /** Another status, headers and body instead of the answer. */
  | {
      readonly kind: "status";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string | string[]>>;
      readonly body?: string;
    }
  /** Headers set on, or with `undefined` taken from, an otherwise good answer. */
  | { readonly kind: "headers"; readonly set: Readonly<Record<string, string | undefined>> }
  /** The connection ends after so many body bytes. */
  | { readonly kind: "cut"; readonly afterBytes: number }
  /** The byte at this offset of the content is another one. */
  | { readonly kind: "corrupt"; readonly offset: number }
  /** The whole content with 200, whatever Range was asked. */
  | { readonly kind: "ignore-range" }
  /** No Content-Length: a chunked body. */
  | { readonly kind: "chunked" }
  /** A redirect: to the second host, to this one, or to a Location as given. Who is challenged is not sent on. */
  | { readonly kind: "redirect"; readonly to: "second" | "first" | { readonly location: string }; readonly status?: number }
  /** A Content-Range that says something else. */
  | { readonly kind: "content-range"; readonly value: string }
  /** A part that is right, but shorter than what was asked. */
  | { readonly kind: "short-part"; readonly bytes: number }
  /** The body compressed, though nobody asked for it. */
  | { readonly kind: "gzip" }
  /** A login page with 200. */
  | { readonly kind: "html" }
  /** Nothing more after so many body bytes (default: not even a status) until the registry closes or `until` settles. */
  | { readonly kind: "hold"; readonly afterBytes?: number; readonly until?: Promise<unknown> }
  /** The status line comes so much later. */
  | { readonly kind: "delay"; readonly ms: number }
  /** No faster than this. */
  | { readonly kind: "slow"; readonly bytesPerSecond: number };

/** A fault with the requests it is for; `times` bounds how often it strikes, `skip` how often it first does not. */
export type Fault = { readonly when?: RequestMatcher; readonly times?: number; readonly skip?: number; readonly do: FaultAction };

/** A scripted fault: how often it struck, and an end to it. */
export type ScriptedFault = { readonly struck: number; remove(): void };

/** What a matcher looks at. */
export type Matchable = {
  readonly method: string;
  readonly path: string;
  readonly kind: string;
  readonly host: "first" | "second";
  readonly ranged: boolean;
};

type Armed = { readonly fault: Fault; seen: number; struck: number };

/** The faults of one registry, in the order they were scripted. */
export class FaultScript {
  readonly #armed = new Set<Armed>();

  add(fault: Fault): ScriptedFault {
    const armed: Armed = { fault, seen: 0, struck: 0 };
    this.#armed.add(armed);
    return {
      get struck() {
        return armed.struck;
      },
      remove: () => void this.#armed.delete(armed),
    };
  }

  clear(): void {
    this.#armed.clear();
  }

  /** The actions that strike this request. */
  strike(request: Matchable): FaultAction[] {
    const actions: FaultAction[] = [];
    for (const armed of this.#armed) {
      const { fault } = armed;
      if (!matches(fault.when ?? {}, request)) continue;
      armed.seen += 1;
      if (armed.seen <= (fault.skip ?? 0) || armed.struck >= (fault.times ?? Number.POSITIVE_INFINITY)) continue;
      armed.struck += 1;
      actions.push(fault.do);
    }
    return actions;
  }
}

function matches(when: RequestMatcher, request: Matchable): boolean {
  if (request.host !== (when.host ?? "first")) return false;
  if (when.method !== undefined && when.method !== request.method) return false;
  if (when.kind !== undefined && when.kind !== request.kind) return false;
  if (when.ranged !== undefined && when.ranged !== request.ranged) return false;
  if (when.path === undefined) return true;
  return typeof when.path === "string" ? request.path.includes(when.path) : when.path.test(request.path);
}
