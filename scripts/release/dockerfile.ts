import { readFileSync } from "node:fs";

/** What the last stage of the Dockerfile says of the image beside its files, as an OCI image configuration has it. */
export type ImageConfig = {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly ExposedPorts: Readonly<Record<string, Record<string, never>>>;
  readonly Labels: Readonly<Record<string, string>>;
};

/** Reads the last stage of a Dockerfile; `args` are the values of its ARGs. */
export function imageConfigOf(file: string, args: Readonly<Record<string, string>>): ImageConfig {
  const lines = instructionsOf(readFileSync(file, "utf8"));
  const last = lines.slice(lines.findLastIndex((line) => line.startsWith("FROM ")));
  const all = (word: string): string[] => last.flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1).trim()] : []));
  const one = (word: string): string => all(word).at(-1) ?? "";
  return {
    User: one("USER"),
    Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ...all("ENV")],
    Entrypoint: JSON.parse(one("ENTRYPOINT")) as string[],
    Cmd: JSON.parse(one("CMD")) as string[],
    ExposedPorts: Object.fromEntries(
      one("EXPOSE")
        .split(" ")
        .map((port) => [`${port}/tcp`, {}]),
    ),
    Labels: Object.fromEntries(
      [...one("LABEL").matchAll(/([\w.]+)="([^"]*)"/g)].map((match) => [match[1] ?? "", filled(match[2] ?? "", args)]),
    ),
  };
}

/** The instructions, without comments, each in one line. */
function instructionsOf(text: string): string[] {
  const code = text.replaceAll(/^#.*\n/gm, "").replaceAll("\\\n", " ");
  return code.split("\n").filter((line) => line.trim() !== "");
}

function filled(text: string, args: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{(\w+)\}/g, (_all, name: string) => args[name] ?? "");
}
