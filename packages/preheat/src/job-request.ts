import type { Digest, Repository } from "@darner/domain";
import type { Secret } from "@darner/runtime";

/** An image as somebody named it: a tag, or a digest, or a tag whose digest must be this one. */
export type ImageReference = {
  readonly repository: Repository;
  readonly tag?: string;
  readonly digest?: Digest;
  /** The scheme the request named, where it named one: `http` is only taken where `registries:` says `plainHttp`. */
  readonly scheme?: "http" | "https";
};

/** Which hosts are to hold the images in the end. Members of `hosts` narrow: a host must meet each that is there. */
export type Scope =
  /** One seed (or, where the cluster has none, one host). */
  | { readonly kind: "single-seed" }
  /** Every seed (or, where the cluster has none, one host). */
  | { readonly kind: "all-seeds" }
  /** Every live host, those that join while the job runs included. */
  | { readonly kind: "all-hosts" }
  /** Some hosts: at most `count` or `percent` (rounded down, at least one) of those that meet the rest. */
  | {
      readonly kind: "hosts";
      readonly count?: number;
      readonly percent?: number;
      /** Zone prefixes, as in `eu-1` or `eu-1/rack-7`. */
      readonly zones?: readonly string[];
      /** Host names, addresses or host ids. */
      readonly names?: readonly string[];
      /** Labels that a host must have, all of them. */
      readonly labels?: Readonly<Record<string, string>>;
    };

/** What a job is asked to do. Kept with the job and told to whoever may see it; holds no secret. */
export type JobRequest = {
  readonly images: readonly ImageReference[];
  readonly scope: Scope;
  /** `os/arch[/variant]`; absent: those of the live hosts of the scope. */
  readonly platforms?: readonly string[];
  /** Cluster ids as Dragonfly numbers them; a scheduler is cluster 1. Absent: every cluster. */
  readonly clusters?: readonly number[];
  /** Higher goes first among preheats, 0 to 100; a waiting reader always goes before every preheat. */
  readonly priority: number;
  /** From the job's creation until it fails with what is missing, in milliseconds. */
  readonly deadlineMs: number;
  /** How long the hosts keep the content from eviction after it is there, in milliseconds; 0: as any other. */
  readonly pinMs: number;
  /** Fails the job where any host of the scope fails; else one whole copy in each cluster is a success. */
  readonly requireAll: boolean;
  /** Who asked: the face, for lists and metrics. */
  readonly via: "harbor" | "kraken" | "notification" | "legacy" | "api" | "schedule";
};

/** What a job may read its registry with; kept in memory only, and forgotten with the job. */
export type JobCredential = {
  /** The Authorization header as it came, sent unchanged to the registry of the job's images and nowhere else. */
  readonly authorization: Secret;
};
