export { endOfToken } from "./auth/token-life.ts";
export type {
  RegistryClientConfig,
  RegistryClientDeps,
  RefusedHost,
  RegistryEntry,
  RegistryTimeouts,
  RequestFinished,
  ResolvedAddress,
} from "./config.ts";
export { ImagePatterns } from "./image-patterns.ts";
export { registryConfigOf } from "./read-config.ts";
export type { Keychain, OwnCredential } from "./keychain/keychain.ts";
export { registryBehind } from "./registry-behind.ts";
export { openKeychain } from "./keychain/open-keychain.ts";
export type { KeychainDeps } from "./keychain/open-keychain.ts";
export { openRegistryClient } from "./open-registry-client.ts";
export type {
  Authority,
  BlobRead,
  ByteSink,
  ContentHead,
  ContentRequest,
  ManifestBody,
  OpenBlob,
  RegistryClient,
  Relayed,
  RelayRequest,
} from "./registry-client.ts";
export { RegistryError } from "./registry-error.ts";
export type { RegistryFailure } from "./registry-error.ts";
