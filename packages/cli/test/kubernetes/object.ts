/** Any JSON object. */
export type Fields = Record<string, unknown>;

/** What every object of a cluster carries. */
export type ObjectMeta = {
  name: string;
  namespace?: string;
  generateName?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: { apiVersion: string; kind: string; name: string; uid: string; controller?: boolean }[];
};

/** One object of a cluster. */
export type KubeObject = { apiVersion: string; kind: string; metadata: ObjectMeta; [field: string]: unknown };

/** A value as an object's fields; an empty one where it is none. */
export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as a list of objects; an empty one where it is none. */
export function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}

/** A value as text; empty where it is none. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

/** The specification of an object. */
export function specOf(object: Fields): Fields {
  return fieldsOf(object["spec"]);
}

/** Whether labels carry all that a selector's `matchLabels` (or a plain map) asks for. */
export function hasLabels(labels: Record<string, string> | undefined, wanted: Fields): boolean {
  return Object.entries(wanted).every(([key, value]) => labels?.[key] === value);
}
