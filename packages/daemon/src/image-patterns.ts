import type { Repository } from "@darner/domain";

/** Which images may be asked for: patterns of `registry/repository`, where `*` stays within a path segment and `**` crosses them. */
export class ImagePatterns {
  readonly #whole: readonly RegExp[];
  readonly #registries: readonly RegExp[];

  constructor(patterns: readonly string[]) {
    this.#whole = patterns.map(expressionOf);
    // A pattern allows a registry where its first segment does; what it says of repositories is asked per repository.
    this.#registries = patterns.map((pattern) => expressionOf(pattern.startsWith("**") ? "**" : (pattern.split("/")[0] ?? "")));
  }

  allowsRegistry(registry: string): boolean {
    return this.#registries.some((expression) => expression.test(registry));
  }

  allowsImage({ registry, name }: Repository): boolean {
    return this.#whole.some((expression) => expression.test(`${registry}/${name}`));
  }
}

function expressionOf(pattern: string): RegExp {
  const source = pattern
    .split(/(\*\*|\*)/)
    .map((part) => (part === "**" ? ".*" : part === "*" ? "[^/]*" : part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&")))
    .join("");
  return new RegExp(`^${source}$`);
}
