/** Where a daemon's local API listens unless it is told otherwise. */
export const DEFAULT_ADMIN = "127.0.0.1:4104";
// The daemon gives another host 5 s to answer; its own answer takes milliseconds.
const ANSWER_MS = 10_000;

/** What the local API gave, or why it gave nothing; `status` 0 where no daemon answered. */
export type AdminAnswer =
  { readonly ok: true; readonly body: unknown } | { readonly ok: false; readonly status: number; readonly problem: string };

/** Asks the daemon of this host. */
export async function askAdmin(admin: string, path: string, interrupted: AbortSignal): Promise<AdminAnswer> {
  try {
    const response = await fetch(`http://${admin}${path}`, { signal: AbortSignal.any([interrupted, AbortSignal.timeout(ANSWER_MS)]) });
    const body: unknown = await response.json();
    if (response.ok) return { ok: true, body };
    const said = String((body as { error?: unknown } | null)?.error);
    return { ok: false, status: response.status, problem: `the daemon answered ${String(response.status)}: ${said}` };
  } catch (error) {
    return { ok: false, status: 0, problem: problemOf(error, admin, interrupted) };
  }
}

function problemOf(error: unknown, admin: string, interrupted: AbortSignal): string {
  if (interrupted.aborted) return "interrupted";
  if (error instanceof SyntaxError)
    return `what answers at ${admin} is no daemon's local API. Its address is listen.admin; give it with --admin.`;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
  return `no daemon answers at ${admin}: ${cause}. Is it running (darner up, darner daemon)? Another address is given with --admin.`;
}
