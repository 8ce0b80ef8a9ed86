/** How long a daemon or a scheduler waits for a sign of life. */
export const SILENT_MS = 5000;
