import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join, sep } from "node:path";
import { withLock } from "./lock.mjs";

// Everything here is written for the oldest Node that can start it (20.20): it runs before there is a newer one.
const WANTED_MAJOR = 24;
// The child of the running set-up, so that an interrupted set-up does not leave an npm behind.
let child;

/**
 * Makes a checkout ready to run: dependencies as package-lock.json says, and a Node that runs TypeScript as it is.
 * Says on stderr what it does, and nothing where there is nothing to do.
 * @param {string} root the checkout
 * @returns {Promise<string>} path of the Node binary to use
 */
export async function setUp(root) {
  const ready = readyNode(root);
  if (ready !== undefined) return ready;
  const onWait = () => say("another process is setting up this checkout; waiting for it");
  return withLock(lockPath(root), { onWait }, async () => readyNode(root) ?? (await install(root)));
}

/**
 * Asks what a running set-up has started to end; `setUp` then fails, and frees the checkout for others once it has.
 * @returns {boolean} whether there was anything to wait for
 */
export function stopSetUp(signal) {
  return child?.kill(signal) ?? false;
}

// What is installed is right when the stamp names this very lock file; the stamp also remembers which Node to use.
function readyNode(root) {
  const stamp = readJson(stampPath(root));
  if (stamp?.lock !== lockHash(root) || stamp.platform !== platform()) return undefined;
  if (isOwnNodeGood()) return process.execPath;
  return typeof stamp.node === "string" && existsSync(stamp.node) ? stamp.node : undefined;
}

async function install(root) {
  if (!isInstalled(root)) {
    say("installing dependencies (npm ci); the first time takes about a minute");
    await npm(root, ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  }
  const node = isOwnNodeGood() ? process.execPath : await pinnedNode(root);
  mkdirSync(join(root, "node_modules"), { recursive: true });
  writeFileSync(stampPath(root), JSON.stringify({ lock: lockHash(root), platform: platform(), node }) + "\n");
  return node;
}

// npm keeps its own record of what it installed. Where that agrees with the lock file (somebody ran `npm install`), nothing is to be done.
function isInstalled(root) {
  const wanted = readJson(join(root, "package-lock.json"))?.packages;
  const present = readJson(join(root, "node_modules", ".package-lock.json"))?.packages;
  if (wanted === undefined || present === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.includes("node_modules/")) return true; // a workspace itself
    if (present[path] === undefined) return entry.optional === true || entry.peer === true;
    return present[path].version === entry.version && existsSync(join(root, path));
  });
}

// The package `node` fetches the binary in its install script; where scripts are not allowed to run, the binary's own package does as well.
async function pinnedNode(root) {
  const fromPackage = join(root, "node_modules", "node", "bin", "node");
  if (works(fromPackage)) return fromPackage;
  const version = readJson(join(root, "package.json")).dependencies.node;
  const name = binaryPackage();
  const home = join(root, "node_modules", ".darner-node");
  const binary = join(home, "node_modules", name, "bin", "node");
  if (works(binary)) return binary;
  say(`fetching Node ${version} (${name}) from the npm registry`);
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, "package.json"), JSON.stringify({ name: "darner-node", private: true }) + "\n");
  await npm(home, ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", `${name}@${version}`]);
  if (!works(binary)) throw new Error(`${binary} does not run here; install Node ${WANTED_MAJOR} or newer by hand and try again`);
  return binary;
}

function npm(cwd, args) {
  return new Promise((resolve, reject) => {
    // npm's own output goes to stderr: stdout belongs to the program that is about to run.
    child = spawn("npm", args, { cwd, env: outerEnv(), stdio: ["ignore", 2, 2] });
    child.once("error", (error) => reject(new Error(`npm could not be started: ${error.message}`)));
    child.once("exit", (code, signal) => {
      child = undefined;
      if (code === 0) resolve();
      else reject(new Error(`npm ${args[0]} in ${cwd} ended with ${signal ?? code}; its reason is above`));
    });
  });
}

// `npm ci` replaces node_modules, so it must not itself run on a Node from there. Settings of an outer npm run concern only that run.
function outerEnv() {
  const path = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.split(sep).includes("node_modules"));
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(config_(local_)?prefix|lifecycle|package)/.test(name)),
  );
  return { ...env, PATH: path.join(delimiter) };
}

function isOwnNodeGood() {
  return Number(process.versions.node.split(".")[0]) >= WANTED_MAJOR && existsSync(process.execPath);
}

function works(binary) {
  return existsSync(binary) && spawnSync(binary, ["--version"], { stdio: "ignore" }).status === 0;
}

function binaryPackage() {
  const os = process.platform === "win32" ? "win" : process.platform;
  // The Apple silicon builds are published under another name, `node` was taken there.
  const prefix = os === "darwin" && process.arch === "arm64" ? "node-bin" : "node";
  return `${prefix}-${os}-${process.arch}`;
}

function platform() {
  return `${process.platform}-${process.arch}`;
}

// Not in node_modules, which `npm ci` empties.
function lockPath(root) {
  return join(root, ".tmp", "set-up.lock");
}

function stampPath(root) {
  return join(root, "node_modules", ".darner-set-up.json");
}

function lockHash(root) {
  return createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

function say(text) {
  process.stderr.write(`set-up: ${text}\n`);
}

/**
 * What a script of the checkout runs with: the folder of the Node binary in front of PATH, so that what it starts by name runs on the same
 * Node; and one place for code that was compiled already. A suite starts some hundreds of processes, and half of what a short one does is
 * to read the same TypeScript.
 */
export function environment(root, node) {
  const cache = { NODE_COMPILE_CACHE: join(root, "node_modules", ".cache", "compiled") };
  return { ...cache, ...process.env, PATH: [dirname(node), process.env.PATH ?? ""].join(delimiter) };
}
