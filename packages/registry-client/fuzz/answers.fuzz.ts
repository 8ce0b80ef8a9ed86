import assert from "node:assert/strict";
import { Secret } from "@darner/runtime";
import { latin1, utf8 } from "@darner/testkit";
import type { FuzzDice, FuzzTarget } from "@darner/testkit";
import { parseChallenges } from "../src/auth/challenge.ts";
import { endOfToken } from "../src/auth/token-life.ts";
import { backOffMs, contentDigest, contentLength, contentRange, isEncoded, mediaType, retryAfterMs } from "../src/content/headers.ts";

const BEARER = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/x:pull"';

/**
 * WWW-Authenticate of a registry.
 * @public the runner finds it by the name of its file
 */
export const challenge: FuzzTarget = {
  name: "challenge",
  seeds: [BEARER, 'Basic realm="x", Bearer realm=y', "Negotiate abc==", 'Digest realm="a\\"b", nonce=1', 'Bearer error="invalid_token'],
  words: ["Bearer ", "Basic ", "realm=", '"', "\\", ",", "=", "==", " ", "\t", BEARER],
  make: (dice: FuzzDice) => {
    const param = (): string => `${dice.pick(["realm", "service", "scope", "error"])}=${dice.pick(['"v"', "v", '"a,b"', '"a\\"b"', ""])}`;
    const one = (): string =>
      `${dice.pick(["Bearer", "Basic", "X"])} ${Array.from({ length: dice.below(4) }, param).join(dice.pick([",", ", "]))}`;
    return Array.from({ length: 1 + dice.below(3) }, one).join(", ");
  },
  check: (input) => {
    const text = latin1(input);
    const found = parseChallenges([text, text]);
    assert.equal(found.length % 2, 0);
    for (const { scheme, params } of found.slice(0, 20)) {
      assert.ok(scheme !== "" && scheme === scheme.toLowerCase() && text.toLowerCase().includes(scheme));
      for (const name of params.keys()) assert.ok(name === name.toLowerCase());
    }
    return found
      .slice(0, 2)
      .map(
        ({ scheme, params, token68 }) =>
          `${scheme.length > 6 ? "long" : "short"} ${String(Math.min(params.size, 2))}${token68 === undefined ? "" : " token"}`,
      )
      .join(", ");
  },
};

/**
 * Content-Range, Content-Length, Content-Type, digests and pauses in a registry's answer.
 * @public the runner finds it by the name of its file
 */
export const answerHeaders: FuzzTarget = {
  name: "answer-headers",
  seeds: [
    "bytes 0-9/10",
    "bytes 5-9/*",
    "120",
    "Wed, 21 Oct 2026 07:28:00 GMT",
    "gzip",
    `sha256:${"e".repeat(64)}`,
    "text/html; charset=x",
  ],
  words: ["bytes ", "-", "/", "*", "9007199254740993", "GMT", "2026", "Wed, ", "identity", ";", `sha256:${"e".repeat(64)}`],
  make: (dice: FuzzDice) => `bytes ${String(dice.below(99))}-${String(dice.below(99))}/${dice.once(4) ? "*" : String(dice.below(99))}`,
  check: (input) => {
    const text = latin1(input);
    const names = ["content-range", "content-length", "retry-after", "content-type", "content-encoding", "docker-content-digest", "date"];
    const given = Object.fromEntries(names.map((name) => [name, text]));
    const range = contentRange(given);
    if (range !== undefined) {
      const { start, end, total = Number.MAX_SAFE_INTEGER } = range;
      assert.ok(Number.isSafeInteger(start) && Number.isSafeInteger(end) && start < end && end <= total);
    }
    const length = contentLength(given);
    assert.ok(length === undefined || (Number.isSafeInteger(length) && length >= 0));
    const { date: _date, ...withoutDate } = given;
    for (const headers of [given, withoutDate]) {
      const pause = retryAfterMs(headers, 1_800_000_000_000);
      assert.ok(pause === undefined || (pause >= 0 && pause <= 3_600_000), String(pause));
      assert.ok(backOffMs(headers, 0) >= 0 && backOffMs(headers, 0) <= 3_600_000);
    }
    assert.ok(!mediaType(given).includes(";"));
    const kind = [
      range !== undefined,
      length !== undefined,
      retryAfterMs(withoutDate, 0) !== undefined,
      contentDigest(given) !== undefined,
    ];
    return `${kind.map(Number).join("")} ${String(isEncoded(given))}`;
  },
};

/**
 * The end a caller's token names.
 * @public the runner finds it by the name of its file
 */
export const token: FuzzTarget = {
  name: "token-end",
  seeds: [`Bearer x.${Buffer.from('{"exp":1800000000}').toString("base64url")}.y`, "Basic dTpw", "Bearer opaque"],
  words: ["Bearer ", ".", "e30", Buffer.from('{"exp":').toString("base64url")],
  make: (dice) =>
    `Bearer h.${Buffer.from(`{"exp":${dice.pick(["1", "-1", "1e308", "null", '"1"', "1800000000", "[]"])}}`).toString("base64url")}.s`,
  check: (input) => {
    const end = endOfToken(new Secret(latin1(input)));
    assert.ok(end === undefined || !Number.isNaN(end));
    return end === undefined ? "no end" : end < 0 ? "long ago" : utf8(input).startsWith("Bearer") ? "end" : "end, oddly";
  },
};
