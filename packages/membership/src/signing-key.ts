import { existsSync } from "node:fs";
import { join } from "node:path";
import { StartError } from "@darner/runtime";
import { makeKeyFile, readKeyFile, type KeyWords, type OwnKey } from "./key-file.ts";

/** The folder of a scheduler below the data directory, which a daemon may share. */
export const SCHEDULER_DIR = "scheduler";
/** The list of members a scheduler keeps in its folder. */
export const MEMBERS_FILE = "members.json";

/** The file in a scheduler's folder with the token of its API. */
export const API_TOKEN_FILE = "api-token";

/** The file in a scheduler's folder with the signing key of the cluster. */
export const SIGNING_KEY_FILE = "signing.key";
const LOST = "every admission is lost with it, and all hosts have to join again with a new token";

/**
 * Opens the cluster's signing key: the one in `given` (join.signingKeyFile), which must be there, else the one in `dir`, made where there is none.
 * Rejects with `StartError`, also where members are known in `dir` and the key that admitted them is gone.
 */
export async function openSigningKey(dir: string, given: string | undefined): Promise<OwnKey> {
  const path = given ?? join(dir, SIGNING_KEY_FILE);
  const words: KeyWords = {
    what: "signing key of the cluster",
    configKey: given === undefined ? "dataDir" : "join.signingKeyFile",
    ifRemoved: LOST,
  };
  const kept = await readKeyFile(path, words);
  if (kept !== undefined) return kept;
  const detail = { code: "file-unusable", path, key: words.configKey } as const;
  if (given !== undefined) {
    throw new StartError(
      detail,
      `there is no signing key at ${path} (join.signingKeyFile): copy ${SIGNING_KEY_FILE} of another scheduler of this cluster there, or leave join.signingKeyFile away to have one made`,
    );
  }
  const members = join(dir, MEMBERS_FILE);
  if (existsSync(members)) {
    throw new StartError(
      detail,
      `the signing key of the cluster ${path} is gone, but ${members} has members it admitted: put the key back from a copy, or remove ${members} to begin a new cluster (${LOST})`,
    );
  }
  return makeKeyFile(path, words);
}
