import { normalRegistry } from "@darner/domain";

/** What is known of registries by name, as far as it says where they are. */
type Places = Readonly<Record<string, { readonly plainHttp?: boolean; readonly endpoint?: string }>>;

/** Tells which registry stands behind a name: a name whose `endpoint` is dialled exactly as that endpoint would be by its own name is only another name of it. */
export function registryBehind(registries: Places): (registry: string) => string {
  const entryOf = (name: string): Places[string] => (Object.hasOwn(registries, name) ? (registries[name] ?? {}) : {});
  return (registry) => {
    const { endpoint, plainHttp = false } = entryOf(registry);
    if (endpoint === undefined) return registry;
    const behind = normalRegistry(endpoint);
    const itself = entryOf(behind);
    const isSame = (itself.plainHttp ?? false) === plainHttp && (itself.endpoint ?? endpoint) === endpoint;
    return isSame ? behind : registry;
  };
}
