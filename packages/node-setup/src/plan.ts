/** One change to a node's file system; paths are the node's own. */
export type Change =
  /** A file with another text; `before` is undefined where there is none. */
  | { readonly kind: "file"; readonly path: string; readonly before: string | undefined; readonly after: string }
  /** A symbolic link where nothing is. */
  | { readonly kind: "link"; readonly path: string; readonly target: string };

/** What is to be done so that a runtime knows the mirror, and what could not be planned. */
export type Plan = {
  readonly changes: readonly Change[];
  /** Sentences for people: each names the file and the next step. */
  readonly problems: readonly string[];
  readonly hints: readonly string[];
};

/** The runtimes that can be told of a mirror. */
export type RuntimeName = "containerd" | "crio" | "docker" | "podman";

/** What a runtime is to be told. */
export type Wish = {
  /** The mirror's address on this node, as in `127.0.0.1:4101`. */
  readonly mirror: string;
  /** Whether tags are resolved through the mirror as well. */
  readonly resolveTags: boolean;
  /** Registries that runtimes without a wildcard are told of. */
  readonly registries: readonly string[];
  /** Registries that are never asked through the mirror. */
  readonly exclude: readonly string[];
};
