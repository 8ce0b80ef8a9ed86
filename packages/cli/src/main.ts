#!/usr/bin/env -S node --conditions=source
import { runCommandLine } from "./command-line.ts";
import { processTerminal } from "./terminal.ts";

const interrupted = new AbortController();
const interrupt = (): void => {
  interrupted.abort();
};
// Once: who asks again does not want to wait for an orderly end.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, interrupt);

const code = await runCommandLine(process.argv.slice(2), { env: process.env, terminal: processTerminal(), signal: interrupted.signal });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, interrupt);
process.exitCode = code;
