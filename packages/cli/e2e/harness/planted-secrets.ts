import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** A credential that was planted, under the name a report calls it by. */
export type Planted = { readonly name: string; readonly value: string };

/** Which of the secrets stand in some bytes, as they are or as base64 would write them. */
export function secretsIn(bytes: Buffer, secrets: readonly Planted[]): string[] {
  return secrets.filter(({ value }) => formsOf(value).some((form) => bytes.includes(form))).map(({ name }) => name);
}

/** Every file below a folder. */
export function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .map((name) => join(dir, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
}

/** The environments of a process and of everything it started (proc(5)), and how many there were. */
export function environmentsOf(pid: number): Buffer[] {
  const children = readdirSync(`/proc/${String(pid)}/task`).flatMap((task) =>
    readFileSync(`/proc/${String(pid)}/task/${task}/children`, "utf8")
      .split(" ")
      .filter((child) => child.trim() !== ""),
  );
  return [readFileSync(`/proc/${String(pid)}/environ`), ...children.flatMap((child) => environmentsOf(Number(child)))];
}

/** A secret as it is, and the three ways base64 writes it inside of something longer. */
function formsOf(value: string): string[] {
  const shifted = [0, 1, 2].map((shift) => {
    const text = Buffer.from("x".repeat(shift) + value)
      .toString("base64")
      .replace(/=+$/, "");
    // The first and the last characters also hold bits of the neighbours.
    return text.slice(shift === 0 ? 0 : shift + 1, -2);
  });
  return [value, ...shifted, encodeURIComponent(value)];
}
