/** Why a process could not start; `message` of the error says it to people, with what to do. */
export type StartProblem =
  /** Another process (or another door of this one) listens at the address. */
  | { readonly code: "address-in-use"; readonly address: string; readonly key: string }
  /** The address may not be listened at by this user: a port below 1024, or a policy. */
  | { readonly code: "address-denied"; readonly address: string; readonly key: string }
  /** The host of the address is unknown or not one of this machine. */
  | { readonly code: "address-not-here"; readonly address: string; readonly key: string }
  /** The address cannot be listened at for another reason, which is the error's cause. */
  | { readonly code: "listen-failed"; readonly address: string; readonly key: string }
  /** The data directory cannot be made, read or written. */
  | { readonly code: "data-dir-unusable"; readonly path: string }
  /** A newer Darner wrote the data directory in a format this one does not know. */
  | { readonly code: "data-dir-newer"; readonly path: string; readonly format: number; readonly writtenBy: string }
  /** Another live process uses the data directory. */
  | { readonly code: "data-dir-in-use"; readonly path: string; readonly pid: number }
  /** The configuration is wrong. */
  | { readonly code: "config-invalid" }
  /** `join.insecure` with a door that is open to other machines. */
  | { readonly code: "insecure-off-loopback"; readonly address: string; readonly key: string }
  /** A host has nothing to show that it may be a member. */
  | { readonly code: "no-join-token" }
  /** A file named by the configuration (a token, a certificate, a password) cannot be used. */
  | { readonly code: "file-unusable"; readonly path: string; readonly key: string };

/**
 * A process cannot start: exit code 2. The shape of a `DarnerError`, which stands on the same floor as this package
 * and can therefore not be extended here.
 */
export class StartError extends Error {
  readonly detail: StartProblem;

  constructor(detail: StartProblem, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "StartError";
    this.detail = detail;
  }
}
