import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ContainerImage } from "./container.ts";

const CHECKOUT = fileURLToPath(new URL("../../../..", import.meta.url));
// The user that the image names.
const NONROOT = 65_532;

/** What Darner's image holds: this checkout, or the bundle whose `main.js` is named in `DARNER_E2E_BUNDLE`, with the Node that runs the test. */
export function darnerImage(dir: string): ContainerImage {
  const built = process.env["DARNER_E2E_BUNDLE"];
  const [source, words] =
    built === undefined ? [CHECKOUT, "--conditions=source /opt/darner/packages/cli/src/main.ts"] : [dirname(built), "/opt/darner/main.js"];
  mkdirSync(dir, { recursive: true });
  const command = join(dir, "darner");
  writeFileSync(command, `#!/bin/sh\nexec /opt/node/node --disable-sigusr1 ${words} "$@"\n`);
  chmodSync(command, 0o755);
  return {
    files: [
      { source, path: "/opt/darner", readOnly: true, isFile: false },
      { source: dirname(process.execPath), path: "/opt/node", readOnly: true, isFile: false },
      { source: command, path: "/opt/bin/darner", readOnly: true, isFile: true },
    ],
    entrypoint: ["/opt/bin/darner"],
    user: NONROOT,
  };
}
