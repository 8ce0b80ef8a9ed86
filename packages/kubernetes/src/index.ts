export { askApiServer } from "./api-server.ts";
export type { ApiAnswer, ApiRequest, ApiServerConfig } from "./api-server.ts";
export { progressOf } from "./daemon-set.ts";
export type { Progress } from "./daemon-set.ts";
export { removeTaint, runtimeVersionOf, ZONE_LABELS, zoneOfNode } from "./node.ts";
export { writeNodeEvent } from "./node-event.ts";
export type { NodeEvent } from "./node-event.ts";
export { objectName, readSecret, writeConfigMap, writeSecret } from "./objects.ts";
export type { ObjectName, SecretContent, Written } from "./objects.ts";
