import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { relativeLinks } from "./link.ts";

const PATH = "/v2/library/x/tags/list";

test("case 39: a next page is relative to the mirror and carries ns again", () => {
  const absolute = '<https://registry-1.docker.io/v2/library/x/tags/list?last=b&n=2>; rel="next"';
  const expected = [`<${PATH}?last=b&n=2&ns=docker.io>; rel="next"`];
  assert.deepEqual(relativeLinks([absolute], PATH, "docker.io"), expected);
  assert.deepEqual(relativeLinks(["</v2/library/x/tags/list?last=b&n=2>; rel=next"], PATH, "docker.io"), expected);
  assert.deepEqual(relativeLinks(['<?last=b&n=2&ns=evil>; rel="next"'], PATH, "docker.io"), expected);
  assert.deepEqual(relativeLinks([absolute], "/v2/docker.io/library/x/tags/list", undefined), [
    `</v2/docker.io/library/x/tags/list?last=b&n=2>; rel="next"`,
  ]);
  assert.deepEqual(relativeLinks(['</v2/a/tags/list?last=b>; rel="next"'], "/v2/a/tags/list", "reg:5000"), [
    `</v2/a/tags/list?last=b&ns=reg%3A5000>; rel="next"`,
  ]);
});

test("links that are no next page are left out, a next page of something else is an error", () => {
  assert.deepEqual(relativeLinks(['</v2/library/x/tags/list?last=a>; rel="prev"'], PATH, undefined), []);
  assert.deepEqual(relativeLinks([], PATH, undefined), []);
  assert.equal(relativeLinks(['<https://elsewhere.example/page/2>; rel="next"'], PATH, undefined), undefined);
});

test("any Link header is read without an exception, and what comes out can be written into a header", () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }).map((target) => `<${target}>; rel="next"`),
    fc.string().map((q) => `<${PATH}?${q}>; rel="next"`),
  );
  fc.assert(
    fc.property(fc.array(text, { maxLength: 3 }), (links) =>
      (relativeLinks(links, PATH, "a.b") ?? []).every((link) => /^<\/v2\/[^>]*ns=a\.b>; rel="next"$/.test(link)),
    ),
  );
});
