import type { Repository } from "@darner/domain";
import type { Secret } from "@darner/runtime";

/** What Darner has of its own to show a registry. */
export type OwnCredential =
  /** Sent as Basic, to the registry or to its token service. */
  | { readonly kind: "password"; readonly username: string; readonly password: Secret }
  /** A refresh token: changed for an access token at the registry's token service (OAuth2, POST). */
  | { readonly kind: "identity-token"; readonly token: Secret }
  /** Sent as Bearer as it is; no token service is asked. */
  | { readonly kind: "registry-token"; readonly token: Secret };

/** Where Darner's own credentials come from beside `registries`. A credential that cannot be had is none: the keychain never rejects. */
export interface Keychain {
  /** Whether there is one for this repository, as far as is known now; what is not known yet is found out in the background. */
  covers(repository: Repository): boolean;
  find(repository: Repository): Promise<OwnCredential | undefined>;
}
