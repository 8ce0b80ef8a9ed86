import type { FuzzDice } from "../fuzz/fuzz-dice.ts";

/** What Harbor stores of how to authenticate: one of NONE, OAUTH, BASIC, CUSTOM (anything else is never sent), with its map of strings. */
export type Credential = { readonly mode: string; readonly data?: Readonly<Record<string, string>> };

/** The header Harbor adds to every call of a driver; throws what Harbor says where it sends nothing. */
export function authHeaders({ mode, data = {} }: Credential, dice: FuzzDice): Record<string, string> {
  const entries = Object.entries(data);
  switch (mode) {
    case "NONE":
      return {};
    case "OAUTH": {
      if (entries.length === 0) throw new Error("no credential data provided");
      const token = data["token"] ?? "";
      if (token === "") throw new Error("missing OAuth token");
      return { Authorization: `Bearer ${token}` };
    }
    case "BASIC": {
      const [user, password] = arbitrary(entries, dice, "missing username and/or password");
      return { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
    }
    case "CUSTOM": {
      const [header, value] = arbitrary(entries, dice, "missing custom header");
      return { [header]: value };
    }
    default:
      throw new Error(`no auth handler registered for mode: ${mode}`);
  }
}

/** How Harbor writes the credential of a failed POST into its process log: in clear. */
export function credentialText({ mode, data = {} }: Credential): string {
  const entries = Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1));
  return `&{${mode} map[${entries.map(([key, value]) => `${key}:${value}`).join(" ")}]}`;
}

/** Go walks a map in random order, and Harbor takes the first entry it meets, anew for each request. */
function arbitrary(entries: readonly (readonly [string, string])[], dice: FuzzDice, missing: string): readonly [string, string] {
  if (entries.length === 0) throw new Error("no credential data provided");
  const [key, value] = dice.pick(entries);
  if (key === "" || value === "") throw new Error(missing);
  return [key, value];
}
