// Opens the data directory it is given and holds it until it is killed; says what came of it.
import { openDataDir, silentLog, StartError } from "@darner/runtime";

const [path = "", as] = process.argv.slice(2);
// Nobody: the number that Linux gives to users without rights.
const NOBODY = 65_534;
if (as === "as-nobody" && process.getuid?.() === 0) {
  process.setegid?.(NOBODY);
  process.seteuid?.(NOBODY);
}
try {
  await openDataDir(path, { purpose: "daemon", version: "0.1.0", log: silentLog });
  process.stdout.write("opened\n");
  setInterval(() => {}, 1000);
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  process.stdout.write(`${error.detail.code}\n`);
  process.stderr.write(`${error.message}\n`);
}
