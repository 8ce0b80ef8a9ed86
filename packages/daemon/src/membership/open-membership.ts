import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readAdmission, readFingerprint, readToken, writeFingerprint, type JoinToken, type TokenProblem } from "@darner/membership";
import type { JoinCredential } from "@darner/protocol";
import { isInsecure, Secret, StartError, type Config, type Logger } from "@darner/runtime";
import type { Identity } from "../identity/identity.ts";
import type { SchedulerJoin } from "../scheduler-link/scheduler-join.ts";
import { KeptMembership } from "./kept-membership.ts";
import { openGate, type MemberGate } from "./member-gate.ts";
import { OwnMembership } from "./own-membership.ts";

/** Who may talk to this host, and how it becomes a member itself. */
export type HostMembership = AsyncDisposable & {
  readonly gate: MemberGate;
  /** Absent: everybody is let in, and sessions are plain. */
  readonly join?: SchedulerJoin;
};

// A token has 116 characters, a service account's a few kilobytes.
const MAX_TOKEN_FILE_BYTES = 64 * 1024;

const TOKEN_PROBLEMS: Readonly<Record<TokenProblem, string>> = {
  "no-token": "holds no join token of Darner (they begin with DARNER-)",
  "unknown-form": "holds a join token of a form that this version does not know: is this the newest Darner?",
  mistyped: "holds a join token with a typo, or a part of one: copy it again as a whole",
};

/** Opens membership with what is kept under `config.dataDir`. Rejects with `StartError` where this host has nothing to show, or would let strangers in unasked. */
export async function openMembership(config: Config, identity: Identity, log: Logger): Promise<HostMembership> {
  if (isInsecure(config, ["pieces", "p2p"])) {
    log.warn("everybody who reaches this host is let in, and it joins plain and without a token (join.insecure)", { ...config.listen });
    return { gate: openGate, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const kept = new KeptMembership(join(config.dataDir, "membership"), log);
  const admitted = await kept.readAdmission();
  const token = await tokenOf(config);
  const signingKey = token?.signingKey ?? readFingerprint(config.join.fingerprint ?? admitted?.fingerprint ?? "");
  if (signingKey === undefined) throw noToken(config);
  const admission =
    admitted !== undefined && readAdmission(admitted.admission, signingKey)?.host === identity.host ? admitted.admission : undefined;
  if (token === undefined && config.join.kubernetes.tokenFile === undefined && admission === undefined) throw noToken(config);
  if (admitted !== undefined && admission === undefined) {
    log.warn("this host was a member of another cluster and joins anew", { fingerprint: writeFingerprint(signingKey) });
  }
  const isAlone = config.schedulers.length === 0;
  const membership = new OwnMembership({
    identity,
    signingKey,
    kept,
    admission,
    ...(await kept.readMembers(signingKey)),
    credential: () => readCredential(config, log),
    pairSecret: isAlone ? token?.secret : undefined,
    log,
  });
  return { gate: membership, join: membership, [Symbol.asyncDispose]: () => kept.settled() };
}

function noToken({ join: { tokenFile, kubernetes, fingerprint } }: Config): StartError {
  if (tokenFile === undefined && kubernetes.tokenFile !== undefined) {
    const what =
      fingerprint === undefined
        ? "join.fingerprint is not set, so this host could not tell the cluster's scheduler from another one"
        : "join.fingerprint is no fingerprint of a signing key";
    const how =
      "run `darner token list` where a scheduler of the cluster runs and set join.fingerprint (DARNER_JOIN_FINGERPRINT) to the one it shows";
    return new StartError(
      { code: "no-join-token" },
      `${what}: ${how}; the token of the service account (join.kubernetes.tokenFile) goes with it`,
    );
  }
  const message =
    "this host has nothing to show that it may be a member: run `darner token create` where a scheduler of the cluster runs, write what it prints to a file " +
    "and set join.tokenFile (DARNER_JOIN_TOKEN_FILE) to it; to try Darner on one machine run `darner up`, or set join.insecure and listen on 127.0.0.1 only" +
    (tokenFile === undefined ? "" : ` (there is nothing at ${tokenFile})`);
  return new StartError({ code: "no-join-token" }, message);
}

/** The join token, where one is configured; a file that is gone after the host has joined is no problem. */
async function tokenOf({ join: { tokenFile: path } }: Config): Promise<JoinToken | undefined> {
  if (path === undefined) return undefined;
  const text = await readText(path).catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new StartError(
      { code: "file-unusable", path, key: "join.tokenFile" },
      `cannot read the join token ${path} (join.tokenFile): make it readable for the user Darner runs as`,
      { cause },
    );
  });
  if (text === undefined) return undefined;
  const token = readToken(text);
  if (typeof token !== "string") return token;
  throw new StartError({ code: "file-unusable", path, key: "join.tokenFile" }, `${path} (join.tokenFile) ${TOKEN_PROBLEMS[token]}`);
}

/** What is shown to a scheduler, as it is in the file now: tokens are replaced without a restart. */
async function readCredential({ join: { tokenFile, kubernetes } }: Config, log: Logger): Promise<JoinCredential | undefined> {
  const path = tokenFile ?? kubernetes.tokenFile;
  if (path === undefined) return undefined;
  try {
    const text = await readText(path);
    if (tokenFile === undefined) return { type: "account", token: new Secret(text.trim()) };
    const token = readToken(text);
    if (typeof token !== "string") return { type: "token", id: token.id, secret: token.secret };
    log.error("join token cannot be used", { path, problem: TOKEN_PROBLEMS[token] });
  } catch (error) {
    log.error("join token cannot be read", { path, error });
  }
  return undefined;
}

async function readText(path: string): Promise<string> {
  const bytes = await readFile(path);
  return bytes.subarray(0, MAX_TOKEN_FILE_BYTES).toString("utf8");
}
