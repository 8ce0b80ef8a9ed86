export { askApiServer } from "./api-server.ts";
export type { ApiAnswer, ApiRequest, ApiServerConfig } from "./api-server.ts";
export { removeTaint, ZONE_LABELS, zoneOfNode } from "./node.ts";
export { ApiRefusal, objectName, readSecret, writeConfigMap, writeSecret } from "./objects.ts";
export type { ObjectName, SecretContent, Written } from "./objects.ts";
