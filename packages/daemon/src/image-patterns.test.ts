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

test("a dot in a pattern is a dot, and no pattern allows nothing", () => {
  assert.ok(!new ImagePatterns(["harbor.corp/**"]).allowsImage(image("harborxcorp", "a")));
  assert.ok(!new ImagePatterns([]).allowsRegistry("docker.io"));
});
