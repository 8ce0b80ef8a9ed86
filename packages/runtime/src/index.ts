export { silentLog } from "./log.ts";
export type { LogFields, Logger } from "./log.ts";
export { Secret } from "./secret.ts";
