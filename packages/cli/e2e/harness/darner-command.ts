import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** `darner` with these words: from the checkout, or the bundle whose `main.js` is named in `DARNER_E2E_BUNDLE`. */
export function darnerCommand(...words: string[]): string[] {
  const built = process.env["DARNER_E2E_BUNDLE"];
  return [process.execPath, ...(built === undefined ? ["--conditions=source", MAIN] : [built]), ...words];
}
