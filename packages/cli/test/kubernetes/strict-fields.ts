import { apiVersionOf, capital, type Kind } from "./kinds.ts";
import { isFields, type Fields } from "./object.ts";

type Validator = ((data: unknown) => boolean) & {
  errors?: readonly { instancePath: string; message?: string; keyword: string; params: unknown }[];
};
type Looked = { readonly path: string; readonly target: Fields; readonly read: Set<string>; all: boolean };

const validators = new Map<string, Promise<Validator>>();

/**
 * What is wrong with an object's fields: those that its typed model does not know, and those of another type, each with its path.
 * The models say nothing of fields they do not know; so they are shown an object that notices what is read of it.
 */
export async function fieldProblems(kind: Kind, object: Fields): Promise<string[]> {
  const validate = await validatorOf(kind);
  const looked: Looked[] = [];
  const isRight = validate(watched(object, "", looked));
  const wrong = isRight ? [] : (validate.errors ?? []).map(wrongText);
  return [...new Set([...looked.flatMap(unknownFields), ...wrong])];
}

function wrongText({ instancePath, keyword, params, message }: NonNullable<Validator["errors"]>[number]): string {
  return `Invalid value: ${instancePath.replaceAll("/", ".")}: ${message ?? keyword} ${JSON.stringify(params)}`;
}

function unknownFields({ path, target, read, all }: Looked): string[] {
  // A map has every key of its own read; of an object without a form nothing is.
  if (all || read.size === 0) return [];
  return Object.keys(target)
    .filter((key) => !read.has(key))
    .map((key) => `unknown field "${path}${key}"`);
}

/** The object as it is, with a note of every property that is looked at. */
function watched(value: unknown, path: string, looked: Looked[]): unknown {
  if (Array.isArray(value)) return value.map((item, index) => watched(item, `${path.replace(/\.$/, "")}[${String(index)}].`, looked));
  if (!isFields(value)) return value;
  const note: Looked = { path, target: value, read: new Set(), all: false };
  looked.push(note);
  const inner = new Map<string, unknown>();
  return new Proxy(value, {
    get: (target, key) => {
      if (typeof key !== "string") return Reflect.get(target, key) as unknown;
      note.read.add(key);
      if (!Object.hasOwn(target, key)) return undefined;
      if (!inner.has(key)) inner.set(key, watched(target[key], `${path}${key}.`, looked));
      return inner.get(key);
    },
    ownKeys: (target) => {
      note.all = true;
      return Reflect.ownKeys(target);
    },
  });
}

function validatorOf(kind: Kind): Promise<Validator> {
  const name = `${apiVersionOf(kind)}/${kind.kind}`;
  const known = validators.get(name) ?? importValidator(kind);
  validators.set(name, known);
  return known;
}

/** The packages publish their models, not the schemas behind them; these are beside them. */
async function importValidator({ models, version, kind }: Kind): Promise<Validator> {
  const schema = new URL(`_schemas/${models.prefix}${capital(version)}${kind}.js`, models.door);
  const { validate } = (await import(schema.href)) as { validate: Validator };
  return validate;
}
