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
