import type { HostId } from "@darner/domain";

/** A host with a session now, as far as choosing and telling of it needs. */
export type LiveHost = {
  readonly host: HostId;
  readonly name: string;
  readonly ip: string;
  readonly zone: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly seed: boolean;
  /** `os/arch[/variant]`. */
  readonly platform: string;
};
