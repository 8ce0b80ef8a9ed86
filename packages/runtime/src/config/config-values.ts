import { z } from "zod";
import { parseListen } from "../listen-address.ts";
import { parseByteSize } from "./byte-size.ts";

/** How a key's value is written in an environment variable or flag. */
export type KeyForm =
  /** As it is. */
  | "text"
  /** A number, a size or true/false. */
  | "value"
  /** JSON: lists and maps. */
  | "json";

/** What people are told of a key. */
export type KeyAbout = {
  /** One sentence: what the key does. */
  readonly is: string;
  /** What it accepts, to be read after "takes". */
  readonly takes: string;
  readonly form: KeyForm;
  /** The default as it is written, where that differs from its JSON. */
  readonly shownDefault?: string;
};

/** Every key of the schema with what people are told of it. */
export const aboutKeys: z.core.$ZodRegistry<KeyAbout> = z.registry<KeyAbout>();

const PORTS = "port 0 to 65535";
const HOST_PORT = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?$/;
const HUB_NAMES: ReadonlySet<string> = new Set(["index.docker.io", "registry-1.docker.io"]);

function portFits(text: string): boolean {
  const port = /:([0-9]+)$/.exec(text)?.[1];
  return port === undefined || (Number(port) >= 1 && Number(port) <= 65_535);
}

/** Tells people of a key. */
export function key<S extends z.ZodType>(schema: S, about: KeyAbout): S {
  // A copy: several keys may take the same form, and each says something else.
  const own = schema.clone();
  aboutKeys.add(own, about);
  return own;
}

/** A text as it is. */
export function textKey<S extends z.ZodType>(schema: S, is: string, takes: string, shownDefault?: string): S {
  return key(schema, { is, takes, form: "text", ...(shownDefault === undefined ? {} : { shownDefault }) });
}

/** An address to listen at. */
export function listenKey(fallback: string, is: string): z.ZodDefault<z.ZodString> {
  const schema = z.string().refine((text) => parseListen(text) !== undefined);
  return textKey(schema.default(fallback), is, `host:port (${PORTS}; an IPv6 address in brackets), as in "${fallback}"`, fallback);
}

/** True or false. */
export function switchKey(fallback: boolean, is: string): z.ZodDefault<z.ZodBoolean> {
  return key(z.boolean().default(fallback), { is, takes: "true or false", form: "value" });
}

/** A whole number of at least `min`. */
export function countKey(fallback: number, min: number, is: string): z.ZodDefault<z.ZodNumber> {
  const takes = `a whole number of at least ${String(min)}`;
  return key(z.number().int().min(min).default(fallback), { is, takes, form: "value" });
}

/** A time in seconds of at least `min`. */
export function secondsKey(fallback: number, min: number, is: string): z.ZodDefault<z.ZodNumber> {
  const takes = `a number of seconds of at least ${String(min)}`;
  return key(z.number().min(min).default(fallback), { is, takes, form: "value" });
}

/** A number of bytes, written with or without a unit. */
export function bytesKey(fallback: string, is: string, min = 0): z.ZodType<number> {
  const schema = z.unknown().transform((value, context) => {
    const bytes = parseByteSize(value);
    if (bytes !== undefined && bytes >= min) return bytes;
    context.issues.push({ code: "custom", input: value, message: "not a number of bytes" });
    return z.NEVER;
  });
  const least = min > 0 ? ` of at least ${String(min)}` : "";
  const takes = `a number of bytes${least}, as in 4096, "4MiB", "1.5GB" or "100GiB"`;
  return key(schema.prefault(fallback), { is, takes, form: "value", shownDefault: fallback });
}

/** A list of texts that match. */
export function listKey(item: z.ZodString, fallback: string[], is: string, takes: string): z.ZodDefault<z.ZodArray<z.ZodString>> {
  return key(z.array(item).default(fallback), { is, takes, form: "json" });
}

/** A file's path. */
export const filePath: z.ZodString = z.string().min(1);

/** `host:port` of another process. */
export const remoteAddress: z.ZodString = z.string().refine((text) => (parseListen(text)?.port ?? 0) > 0);

/** `host[:port]` as it stands in an image's name or a URL. */
export const hostAndPort: z.ZodString = z.string().refine((text) => HOST_PORT.test(text) && portFits(text));

/** The name of a registry; Docker Hub's other names are refused, since images are known as docker.io. */
export const registryName: z.ZodString = z.string().refine((text) => HOST_PORT.test(text) && portFits(text) && !HUB_NAMES.has(text));

/** What a registry's name looks like. */
export const REGISTRY_NAME_TAKES: string = "host[:port] in lower case, without scheme or path (Docker Hub is docker.io)";
