export type { Authority, BlobRead, ByteSink, ContentHead, ContentRequest, ManifestBody, OpenBlob, RegistryClient, Relayed, RelayRequest } from "./registry-client.ts";
export { RegistryError } from "./registry-error.ts";
export type { RegistryFailure } from "./registry-error.ts";
