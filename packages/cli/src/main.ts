#!/usr/bin/env -S node --conditions=source --disable-sigusr1
import { runCommandLine } from "./command-line.ts";
import { processTerminal } from "./terminal.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
const interrupted = new AbortController();

// Only the first counts: who asks again does not want to wait for an orderly end, and gets the usual effect.
function interrupt(): void {
  for (const signal of SIGNALS) process.off(signal, interrupt);
  interrupted.abort();
}

for (const signal of SIGNALS) process.on(signal, interrupt);
const code = await runCommandLine(process.argv.slice(2), { env: process.env, terminal: processTerminal(), signal: interrupted.signal });
for (const signal of SIGNALS) process.off(signal, interrupt);
process.exitCode = code;
