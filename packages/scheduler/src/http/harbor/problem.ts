/** What a face read, or why it cannot be taken: an HTTP status and a sentence for an admin. */
export type Read<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly status: 400 | 403 | 404 | 422; readonly message: string };

/** A body that was understood. */
export function taken<T>(value: T): Read<T> {
  return { ok: true, value };
}

/** A body that cannot be taken. */
export function refused(
  message: string,
  status: 400 | 403 | 404 | 422 = 422,
): { readonly ok: false; readonly status: 400 | 403 | 404 | 422; readonly message: string } {
  return { ok: false, status, message };
}

// So much of what was sent is shown again; the rest helps nobody.
const MAX_SHOWN_CHARS = 100;

/** A value that was sent, for a sentence: as JSON where it is short and plain, else by its kind. */
export function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  const text = JSON.stringify(value);
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}…` : text;
}
