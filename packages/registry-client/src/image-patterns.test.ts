import assert from "node:assert/strict";
import { test } from "node:test";
import { ImagePatterns } from "./image-patterns.ts";

const image = (registry: string, name: string): { registry: string; name: string } => ({ registry, name });

test("two stars allow every image of every registry", () => {
  const patterns = new ImagePatterns(["**"]);
  assert.ok(patterns.allowsRegistry("ghcr.io") && patterns.allowsImage(image("ghcr.io", "a/b/c")));
});

test("one star stays within a segment of the repository", () => {
  const patterns = new ImagePatterns(["harbor.corp/team-*/**", "docker.io/library/*"]);
  assert.ok(patterns.allowsRegistry("harbor.corp"));
  assert.ok(!patterns.allowsRegistry("ghcr.io"));
  assert.ok(patterns.allowsImage(image("harbor.corp", "team-a/x/y")));
  assert.ok(!patterns.allowsImage(image("harbor.corp", "other/x")));
  assert.ok(patterns.allowsImage(image("docker.io", "library/nginx")));
  assert.ok(!patterns.allowsImage(image("docker.io", "library/nginx/deep")));
});

test("what is denied is denied, whatever is allowed: an image, everything of a host, a host wherever somebody leads there", () => {
  const patterns = new ImagePatterns(["**"], ["docker.io/evil/**", "*.evil.example/**", "10.0.0.1:*"]);
  assert.ok(patterns.allowsImage(image("docker.io", "library/nginx")) && patterns.allowsRegistry("docker.io"));
  assert.ok(!patterns.allowsImage(image("docker.io", "evil/app")));
  assert.ok(!patterns.deniesHost("docker.io"), "a denied repository is no denied host");
  for (const host of ["cdn.evil.example", "a.b.evil.example", "10.0.0.1:5000"]) {
    assert.ok(patterns.deniesHost(host) && !patterns.allowsRegistry(host) && !patterns.allowsImage(image(host, "a")), host);
  }
  assert.ok(!new ImagePatterns(["**"], ["**"]).allowsImage(image("docker.io", "library/nginx")));
});

test("a dot in a pattern is a dot, and no pattern allows nothing", () => {
  assert.ok(!new ImagePatterns(["harbor.corp/**"]).allowsImage(image("harborxcorp", "a")));
  assert.ok(!new ImagePatterns([]).allowsRegistry("docker.io"));
});
