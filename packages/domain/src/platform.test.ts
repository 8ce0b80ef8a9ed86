import assert from "node:assert/strict";
import { test } from "node:test";
import { fittingPlatform, hostPlatform, parsePlatform } from "./platform.ts";

test("platforms are written in many ways and mean the same", () => {
  assert.deepEqual(["linux/aarch64", "Linux/x86_64", "linux/arm/v6", "linux", "", "a/b/c/d"].map(parsePlatform), [
    "linux/arm64",
    "linux/amd64",
    "linux/arm/v6",
    undefined,
    undefined,
    undefined,
  ]);
});

test("a process says its platform in OCI's words", () => {
  const config = { variables: { arm_version: "6" } };
  const said = (platform: string, arch: string): string => hostPlatform({ platform, arch, config });
  assert.deepEqual(
    [said("linux", "x64"), said("linux", "arm64"), said("linux", "arm"), said("win32", "ia32"), said("linux", "s390x")],
    ["linux/amd64", "linux/arm64/v8", "linux/arm/v6", "windows/386", "linux/s390x"],
  );
});

test("of what is there a host takes its own variant, else the closest lower one, never a higher one", () => {
  const made = ["linux/arm/v5", "linux/arm/v7", "linux/arm64", "linux/amd64/v3"].map((platform) => ({ platform }));
  const taken = (wanted: string): string | undefined => fittingPlatform<{ platform?: string }>(wanted, [{}, ...made])?.platform;
  assert.deepEqual(["linux/arm/v6", "linux/arm", "linux/arm64/v8", "linux/amd64", "linux/amd64/v3", "linux/riscv64"].map(taken), [
    "linux/arm/v5",
    "linux/arm/v7",
    "linux/arm64",
    undefined,
    "linux/amd64/v3",
    undefined,
  ]);
});
