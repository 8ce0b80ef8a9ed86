import type { Repository } from "@darner/domain";

/** Which images may be asked for, and which hosts never: patterns of `registry/repository`, where `*` stays within a path segment and `**` crosses them. */
export class ImagePatterns {
  readonly #whole: readonly RegExp[];
  readonly #registries: readonly RegExp[];

  readonly #deniedImages: readonly RegExp[];
  readonly #deniedHosts: readonly RegExp[];

  constructor(patterns: readonly string[], denied: readonly string[] = []) {
    this.#whole = patterns.map(expressionOf);
    // A pattern allows a registry where its first segment does; what it says of repositories is asked per repository.
    this.#registries = patterns.map((pattern) => expressionOf(pattern.startsWith("**") ? "**" : (pattern.split("/")[0] ?? "")));
    this.#deniedImages = denied.map(expressionOf);
    this.#deniedHosts = denied
      .map((pattern) => pattern.replace(/(?<=[^*])\/\*\*$/, ""))
      .filter((pattern) => !pattern.includes("/"))
      .map(expressionOf);
  }

  /** Whether a host is never dialled: a pattern of a host alone, or of everything at it. */
  deniesHost(host: string): boolean {
    return this.#deniedHosts.some((expression) => expression.test(host));
  }

  allowsRegistry(registry: string): boolean {
    return !this.deniesHost(registry) && this.#registries.some((expression) => expression.test(registry));
  }

  allowsImage({ registry, name }: Repository): boolean {
    const image = `${registry}/${name}`;
    if (this.deniesHost(registry) || this.#deniedImages.some((expression) => expression.test(image))) return false;
    return this.#whole.some((expression) => expression.test(image));
  }
}

function expressionOf(pattern: string): RegExp {
  const source = pattern
    .split(/(\*\*|\*)/)
    .map((part) => (part === "**" ? ".*" : part === "*" ? "[^/]*" : part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&")))
    .join("");
  return new RegExp(`^${source}$`);
}
