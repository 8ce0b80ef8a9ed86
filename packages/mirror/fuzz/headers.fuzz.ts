import assert from "node:assert/strict";
import { digestOf } from "@darner/domain";
import { latin1 } from "@darner/testkit";
import type { FuzzDice, FuzzTarget } from "@darner/testkit";
import { bareMediaType, isHeaderValue, relayableChallenges, relayableWarnings } from "../src/answer/header-value.ts";
import { relativeLinks } from "../src/answer/link.ts";
import { readAccept } from "../src/request/accept.ts";
import { readRanges } from "../src/request/byte-ranges.ts";
import { ifRangeHolds, noneMatchHits } from "../src/request/validators.ts";

const SIZES = [0, 1, 1000, 2 ** 33, Number.MAX_SAFE_INTEGER];
const DIGEST = digestOf(`sha256:${"b".repeat(64)}`);
const TYPE = "application/vnd.oci.image.manifest.v1+json";

function spec(dice: FuzzDice): string {
  const [from, to] = [dice.below(1200), dice.below(1200)];
  return dice.pick([`${String(from)}-${String(to)}`, `${String(from)}-`, `-${String(to)}`]);
}

/**
 * The Range header.
 * @public the runner finds it by the name of its file
 */
export const range: FuzzTarget = {
  name: "mirror-range",
  seeds: ["bytes=0-", "bytes=0-0,5-6", "bytes=-5", "items=0-1"],
  words: ["bytes=", "-", ",", " ", "0-0", "99999999999999999999"],
  make: (dice) => `bytes=${Array.from({ length: 1 + dice.below(6) }, () => spec(dice)).join(dice.once(3) ? ", " : ",")}`,
  check: (input) => {
    const header = latin1(input);
    const endings = SIZES.map((size) => {
      const found = readRanges(header, size, 16);
      const ranges = found.kind === "one" ? [found.range] : found.kind === "several" ? found.ranges : [];
      for (const { start, end } of ranges) assert.ok(Number.isSafeInteger(start) && start >= 0 && start < end && end <= size);
      assert.ok(ranges.length <= 16);
      assert.ok(ranges.reduce((sum, { start, end }) => sum + end - start, 0) <= size);
      return found.kind;
    });
    return endings.join(" ");
  },
};

/**
 * Accept, If-None-Match and If-Range of a client; Link, Warning, WWW-Authenticate and Content-Type of a registry to be passed on.
 * @public the runner finds it by the name of its file
 */
export const headers: FuzzTarget = {
  name: "mirror-headers",
  seeds: [`${TYPE};q=0.5, */*;q=0`, `<https://r/v2/x/tags/list?n=1&last=a>; rel="next"`, `"${DIGEST}"`, 'Basic realm="x"', '299 - "old"'],
  words: [
    TYPE,
    ";q=0",
    ",",
    '"',
    "W/",
    "*",
    "<",
    ">",
    '; rel="next"',
    "/v2/x/tags/list",
    "?last=",
    "&ns=",
    "%",
    DIGEST,
    "Basic ",
    "Bearer ",
  ],
  check: (input) => {
    const text = latin1(input);
    const types = readAccept([text, text]);
    assert.ok(types.length <= 64 && types.every((type) => type === type.toLowerCase() && type.includes("/")));
    const hit = noneMatchHits(text, DIGEST);
    assert.ok(!ifRangeHolds(text, DIGEST) || hit);
    const links = relativeLinks([text], "/v2/x/tags/list", "quay.io");
    for (const link of links ?? []) assert.match(link, /^<\/v2\/x\/tags\/list\?[^>]*ns=quay\.io>; rel="next"$/);
    assert.ok((links ?? []).every(isHeaderValue) && relayableWarnings([text]).every(isHeaderValue));
    const challenges = relayableChallenges([text], false);
    assert.ok(challenges === "withheld" || challenges.every((value) => isHeaderValue(value) && !/(?:^|,)\s*basic(?:\s|$)/i.test(value)));
    assert.match(bareMediaType(text), /^[^/\s;]+\/[^/\s;]+$/);
    return `${String(Math.min(types.length, 2))} ${String(hit)} ${links === undefined ? "elsewhere" : String(Math.min(links.length, 2))} ${challenges === "withheld" ? challenges : ""}`;
  },
};
