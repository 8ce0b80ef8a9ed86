import { gzipSync } from "node:zlib";
import type { FaultAction } from "./fault.ts";

/** What a registry is about to send. */
export type Answer = {
  status: number;
  headers: Record<string, string | string[]>;
  body: Uint8Array;
  delayMs: number;
  /** The connection ends after so many body bytes. */
  cutAfter: number | undefined;
  /** Nothing more after so many body bytes (-1: not even a status) until `until` settles. */
  hold: { readonly afterBytes: number; readonly until: Promise<unknown> | undefined } | undefined;
  bytesPerSecond: number | undefined;
  chunked: boolean;
};

/** An answer without a fault. */
export function answerOf(status: number, headers: Record<string, string | string[]>, body: Uint8Array = new Uint8Array()): Answer {
  return { status, headers, body, delayMs: 0, cutAfter: undefined, hold: undefined, bytesPerSecond: undefined, chunked: false };
}

/** An error as the distribution spec writes it. */
export function errorAnswer(status: number, code: string, headers: Record<string, string | string[]> = {}): Answer {
  const body = JSON.stringify({ errors: [{ code, message: code.toLowerCase().replaceAll("_", " "), detail: null }] });
  return answerOf(status, { "content-type": "application/json", ...headers }, new TextEncoder().encode(body));
}

/** Content with its Range honoured: 200, 206 or 416 as Go's ServeContent answers. */
export function rangedAnswer(content: Uint8Array, headers: Record<string, string>, range: string | undefined): Answer {
  const all = { "accept-ranges": "bytes", ...headers };
  const match = /^bytes=(\d*)-(\d*)$/.exec(range ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return answerOf(200, all, content);
  const size = content.length;
  const [, first = "", last = ""] = match;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
  if (start >= end) return answerOf(416, { "content-range": `bytes */${String(size)}` });
  return answerOf(
    206,
    { ...all, "content-range": `bytes ${String(start)}-${String(end - 1)}/${String(size)}` },
    content.subarray(start, end),
  );
}

/** The answer with a fault in it; `content` is the whole content where the request was for one. */
export function withFault(answer: Answer, fault: FaultAction, content: Uint8Array | undefined, origins: Origins): Answer {
  switch (fault.kind) {
    case "status":
      return { ...answerOf(fault.status, { ...fault.headers }, new TextEncoder().encode(fault.body ?? "")), delayMs: answer.delayMs };
    case "headers":
      return { ...answer, headers: changed(answer.headers, fault.set) };
    case "cut":
      return { ...answer, cutAfter: fault.afterBytes };
    case "corrupt":
      return { ...answer, body: corrupted(answer, fault.offset) };
    case "ignore-range":
      return content === undefined
        ? answer
        : {
            ...answer,
            status: 200,
            headers: changed(answer.headers, { "content-range": undefined, "accept-ranges": undefined }),
            body: content,
          };
    case "chunked":
      return { ...answer, chunked: true };
    case "redirect":
      if (answer.status === 401) return answer;
      return answerOf(fault.status ?? 307, { location: typeof fault.to === "string" ? origins[fault.to] : fault.to.location });
    case "content-range":
      return { ...answer, headers: { ...answer.headers, "content-range": fault.value } };
    case "short-part":
      return shortened(answer, fault.bytes);
    case "gzip":
      return { ...answer, headers: { ...answer.headers, "content-encoding": "gzip" }, body: gzipSync(answer.body) };
    case "html":
      return answerOf(
        200,
        { "content-type": "text/html; charset=utf-8" },
        new TextEncoder().encode("<!doctype html><title>Sign in</title>"),
      );
    case "hold":
      return { ...answer, hold: { afterBytes: fault.afterBytes ?? -1, until: fault.until } };
    case "delay":
      return { ...answer, delayMs: fault.ms };
    case "slow":
      return { ...answer, bytesPerSecond: fault.bytesPerSecond };
  }
}

/** Where a redirect of this request would lead to, on either host. */
export type Origins = { readonly first: string; readonly second: string };

function changed(headers: Answer["headers"], set: Readonly<Record<string, string | undefined>>): Answer["headers"] {
  const next: Answer["headers"] = { ...headers };
  for (const [name, value] of Object.entries(set)) {
    if (value === undefined) Reflect.deleteProperty(next, name);
    else next[name] = value;
  }
  return next;
}

function shortened(answer: Answer, bytes: number): Answer {
  const match = /^bytes (\d+)-\d+(\/.*)$/.exec(String(answer.headers["content-range"] ?? ""));
  if (match === null || bytes >= answer.body.length) return answer;
  const [, start = "", total = ""] = match;
  const range = `bytes ${start}-${String(Number(start) + bytes - 1)}${total}`;
  return { ...answer, headers: { ...answer.headers, "content-range": range }, body: answer.body.subarray(0, bytes) };
}

function corrupted({ body, headers }: Answer, offset: number): Uint8Array {
  const start = Number(/^bytes (\d+)-/.exec(String(headers["content-range"] ?? ""))?.[1] ?? 0);
  const at = offset - start;
  const wrong = Uint8Array.from(body);
  const byte = wrong[at];
  if (byte !== undefined) wrong[at] = byte ^ 0xff;
  return wrong;
}
