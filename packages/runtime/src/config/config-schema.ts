import { hostname } from "node:os";
import { z } from "zod";
import type { Config } from "./config.ts";
import { schedules } from "./schedule-keys.ts";
import {
  bytesKey,
  countKey,
  filePath,
  hostAndPort,
  key,
  listenKey,
  listKey,
  REGISTRY_NAME_TAKES,
  registryName,
  remoteAddress,
  secondsKey,
  switchKey,
  textKey,
} from "./config-values.ts";

const FILE = "the path of a file";
const labelText = z.string().max(255);

function section<S extends z.ZodRawShape>(shape: S): z.ZodPrefault<z.ZodObject<S, z.core.$strict>> {
  // The empty map fills itself with the defaults of its keys.
  return z.strictObject(shape).prefault({} as never);
}

const listen = section({
  mirror: listenKey("127.0.0.1:4101", "The registry mirror that containerd and other clients on this host ask."),
  pieces: listenKey("0.0.0.0:4102", "The piece channel: other hosts fetch verified pieces here."),
  p2p: listenKey("0.0.0.0:4103", "libp2p: identity, discovery and small messages between hosts."),
  admin: listenKey("127.0.0.1:4104", "The daemon's local API, used by the darner command on this host."),
  metrics: listenKey("0.0.0.0:4105", "The daemon's /livez, /readyz and /metrics."),
  grpc: listenKey("0.0.0.0:4110", "The scheduler's gRPC service that daemons connect to."),
  http: listenKey("0.0.0.0:4111", "The scheduler's HTTP API with /healthy, /livez, /readyz and /metrics."),
});

const objectName = z.string().regex(/^[a-z0-9-]{1,63}\/[a-z0-9.-]{1,253}$/);

// Where Kubernetes mounts what a pod needs to speak to its API server.
const IN_CLUSTER = "/var/run/secrets/kubernetes.io/serviceaccount";

const kubernetes = section({
  tokenFile: textKey(
    filePath.exactOptional(),
    "The daemon's projected service-account token that stands in for a join token; join.fingerprint goes with it.",
    FILE,
  ),
  serviceAccounts: listKey(
    objectName,
    [],
    "The service accounts whose pods a scheduler admits; empty: none.",
    'a list of namespace/name, as in ["darner/darner-daemon"]',
  ),
  apiServer: textKey(
    z
      .string()
      .regex(/^https:\/\/[^\s/?#@]+$/)
      .default("https://kubernetes.default.svc"),
    "The API server that a scheduler asks whose token it was shown (TokenReview).",
    "https://host[:port]",
    "https://kubernetes.default.svc",
  ),
  caFile: textKey(
    filePath.default(`${IN_CLUSTER}/ca.crt`),
    "The certificates to trust for the API server, as PEM.",
    FILE,
    `${IN_CLUSTER}/ca.crt`,
  ),
  audience: textKey(
    z.string().min(1).max(255).default("darner"),
    "The audience that the daemons' tokens must be meant for.",
    "a text",
    "darner",
  ),
  reviewerTokenFile: textKey(
    filePath.default(`${IN_CLUSTER}/token`),
    "The scheduler's own token for the API server; its account needs the role system:auth-delegator.",
    FILE,
    `${IN_CLUSTER}/token`,
  ),
  secret: textKey(
    objectName.exactOptional(),
    "The Secret that keeps the signing key and the API's token, shared by all schedulers; it must be there, and a scheduler fills it at its first start.",
    'namespace/name, as in "darner/darner-keys"',
  ),
  configMap: textKey(
    objectName.exactOptional(),
    "The ConfigMap, which must be there, in which a scheduler tells the fingerprint of the signing key to the daemons.",
    'namespace/name, as in "darner/darner-cluster"',
  ),
});

const join = section({
  tokenFile: textKey(filePath.exactOptional(), "The file with the join token that proves this host may be a member.", FILE),
  fingerprint: textKey(
    z
      .string()
      .regex(/^[a-z2-7]{52}$/)
      .exactOptional(),
    "The fingerprint of the cluster's signing key (darner token list shows it), where no join token carries it.",
    "52 characters a to z, 2 to 7",
  ),
  insecure: switchKey(false, "Lets everybody in, plain and without a token; for a swarm on loopback only."),
  insecureForEverybodyWhoReachesThisHost: switchKey(
    false,
    "Together with join.insecure: also on addresses that are not loopback. Whoever reaches this host is then a member.",
  ),
  signingKeyFile: textKey(
    filePath.exactOptional(),
    "The cluster's signing key, shared by its schedulers; without it a scheduler makes one in its data directory.",
    FILE,
  ),
  tokensFile: textKey(
    filePath.exactOptional(),
    "The file in which a scheduler keeps the hashes of the join tokens; without it in its data directory.",
    FILE,
  ),
  kubernetes,
});

const credentials = z.strictObject({
  username: textKey(z.string().min(1), "The user's name at the registry.", "a text that is not empty"),
  passwordFile: textKey(filePath, "The file with the user's password or access token.", FILE),
});

const tlsFiles = z.strictObject({
  certFile: textKey(filePath, "The certificate chain (PEM) the scheduler's HTTP side shows; read again when it changes.", FILE),
  keyFile: textKey(filePath, "The private key (PEM) of that certificate.", FILE),
});

const credentialFiles = section({
  files: listKey(
    filePath,
    [],
    "Docker configurations (config.json, .dockerconfigjson, .dockercfg) with credentials of Darner's own, read again when they change.",
    'a list of paths, as in ["/root/.docker/config.json"]',
  ),
  directories: listKey(
    filePath,
    [],
    "Directories of such files, or of directories of them, as Kubernetes mounts pull secrets.",
    'a list of paths, as in ["/etc/darner/pull-secrets"]',
  ),
  helperEnvironment: listKey(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/),
    [],
    "Environment variables that credential helpers named by those files get beside PATH and HOME.",
    'a list of names, as in ["AWS_REGION"]',
  ),
});

const registry = z.strictObject({
  plainHttp: switchKey(false, "Speaks http to the registry in place of https."),
  caFile: textKey(filePath.exactOptional(), "A file of PEM certificates to trust for this registry in place of the system's.", FILE),
  endpoint: textKey(
    hostAndPort.exactOptional(),
    "The address to dial in place of the name; that of docker.io (registry-1.docker.io) is built in.",
    "host[:port] in lower case, without scheme or path",
  ),
  credentials: credentials.exactOptional(),
  realms: listKey(hostAndPort, [], "Further hosts that may hand out this registry's tokens.", 'a list of host[:port], as in ["auth.corp"]'),
});

const registries = key(z.record(registryName, registry).default({}), {
  is: "What is known of single registries; a name that stands here may be an IP address and may resolve to private addresses.",
  takes: `a map from ${REGISTRY_NAME_TAKES} to a map of keys (which may be empty)`,
  form: "json",
});

const mirror = section({
  defaultRegistry: textKey(
    z.union([z.literal(""), registryName]).default("docker.io"),
    "The registry meant by requests that name none; empty: such requests are refused.",
    `${REGISTRY_NAME_TAKES}, or an empty text`,
  ),
  allow: listKey(
    z.string().regex(/^\S+$/),
    ["**"],
    "Patterns of the images (registry/repository) that may be asked for; * stays within a path segment, ** crosses them.",
    'a list of patterns, as in ["docker.io/**", "harbor.corp/team-*/**"]',
  ),
  deny: listKey(
    z.string().regex(/^\S+$/),
    [],
    "Patterns of images that may not be asked for, whatever is allowed; one of a host alone also keeps redirects and realms from it.",
    'a list of patterns, as in ["*.example/**", "docker.io/evil/**"]',
  ),
  tagTtlSeconds: secondsKey(30, 0, "How long a tag's digest is used before the registry is asked again."),
  maxManifestBytes: bytesKey("16MiB", "The largest manifest that is served.", 1024),
  maxConnections: countKey(1024, 1, "Connections the mirror accepts at once; further ones are closed at once."),
  maxConnectionsPerClient: countKey(
    256,
    1,
    "Of these, connections of one client address; of IPv6, of one network of 64 bits. Loopback, where all runtimes of the host come from, is not counted.",
  ),
  maxRequestsPerSecondPerClient: countKey(
    500,
    0,
    "Requests of one client address a second, saved up for ten seconds; further ones are answered 503. Loopback is not counted. 0: unlimited.",
  ),
  verify: textKey(
    z.enum(["prompt", "strict"]).default("prompt"),
    "What leaves to a client before its blob's digest is proven here: every piece found right (prompt), or only what this host read from the registry itself (strict). The last byte never does.",
    '"prompt" or "strict"',
    "prompt",
  ),
});

const access = section({
  mode: textKey(
    z.enum(["upstream", "open"]).default("upstream"),
    "Who may have what is cached: whom the registry itself gives it (upstream), or whoever reaches the mirror (open).",
    '"upstream" or "open"',
    "upstream",
  ),
  grantSeconds: secondsKey(300, 0, "How long a registry's yes to a credential is remembered."),
  publicSeconds: secondsKey(900, 0, "How long the cluster remembers that a repository is public."),
  graceSeconds: secondsKey(86_400, 0, "How long a remembered yes still counts while the registry cannot be reached."),
});

const store = section({
  maxBytes: bytesKey("100GiB", "What the store may hold; beyond it the least recently used blobs go."),
  minFreeBytes: bytesKey("10GiB", "What the store leaves free on its disk."),
  scrubBytesPerSecond: bytesKey(
    "4MiB",
    "How fast complete blobs are read again to find those that changed on the disk; 0: only at their first use.",
  ),
});

const limits = section({
  uploadBytesPerSecond: bytesKey("0", "What this host sends to other hosts at most in a second; 0: unlimited."),
  downloadBytesPerSecond: bytesKey("0", "What this host fetches from hosts and registries at most in a second; 0: unlimited."),
  uploadConnections: countKey(256, 1, "Connections of other hosts to the piece channel at once."),
});

const containerd = section({
  address: textKey(
    filePath.exactOptional(),
    "The socket of containerd: what a client wrote of a blob that turned out to be wrong is then aborted there. Who may open it rules the host.",
    "the path of a unix socket",
  ),
  namespaces: listKey(
    z.string().regex(/^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/),
    ["k8s.io"],
    "The namespaces of containerd in which that is done.",
    'a list of names, as in ["k8s.io"]',
  ),
});

const source = section({
  maxReadersPerBlob: countKey(8, 1, "Hosts of the cluster that read one blob from its registry at once."),
  maxConnectionsPerRegistry: countKey(64, 1, "Connections of the cluster to one registry at once."),
  maxRequestsPerMinute: countKey(0, 0, "Reads of one registry that the scheduler grants in a minute. 0: unknown, learned from its 429."),
  stripeSeconds: secondsKey(
    0.3,
    0.01,
    "How much of a blob one request reads from a registry, in time at the measured rate; 1 MiB at least.",
  ),
});

const schema = z.strictObject({
  dataDir: textKey(
    filePath.default("/var/lib/darner"),
    "The directory of everything that Darner keeps.",
    "the path of a directory",
    "/var/lib/darner",
  ),
  name: textKey(
    z
      .string()
      .regex(/^[^\p{Cc}]{1,253}$/u)
      .default(() => hostname()),
    "What this host is called in lists that people read.",
    "a text of 1 to 253 characters",
    "(the machine's host name)",
  ),
  listen,
  schedulers: listKey(
    remoteAddress,
    [],
    "The schedulers in order of preference; empty: a swarm without a scheduler.",
    'a list of host:port, as in ["scheduler-0.darner:4110"]',
  ),
  advertise: textKey(
    z
      .string()
      .regex(/^[A-Za-z0-9_.:%-]+$/)
      .exactOptional(),
    "The address other hosts reach this one at; without it the one it reaches its scheduler from.",
    "a host name or IP address, without port",
  ),
  seed: switchKey(false, "Makes this host a seed: it fetches first and keeps what it has."),
  zone: textKey(
    z
      .string()
      .regex(/^[^\s/]+(?:\/[^\s/]+)*$/)
      .exactOptional(),
    "Where this host stands, coarse to fine; near hosts feed each other first.",
    'names with / between, as in "eu-1/rack-7"',
  ),
  zoneFile: textKey(
    filePath.exactOptional(),
    "A file with such a zone, read at the start where zone is not set; an empty one, or none, means no zone.",
    FILE,
  ),
  labels: key(z.record(labelText, labelText).default({}), {
    is: "What this host is labelled with: preheat jobs may choose hosts by it.",
    takes: 'a map of texts of at most 255 characters, as in {"pool": "gpu"}',
    form: "json",
  }),
  join,
  registries,
  credentials: credentialFiles,
  preheat: section({ schedules }),
  mirror,
  access,
  store,
  limits,
  containerd,
  pieces: section({
    encryption: textKey(
      z.enum(["tls", "none"]).default("tls"),
      "Whether bytes between hosts are encrypted; hosts prove who they are either way.",
      '"tls" or "none"',
      "tls",
    ),
  }),
  api: section({
    tokenFile: textKey(
      filePath.exactOptional(),
      "The file with the Bearer tokens that the scheduler's API asks for, one a line; without it one is made in its data directory.",
      FILE,
    ),
    basicFile: textKey(
      filePath.exactOptional(),
      "A file with names and passwords, NAME:PASSWORD on each line, that open the API as Basic, too; for clients that know nothing else.",
      FILE,
    ),
    prefix: textKey(
      z
        .string()
        .regex(/^(?:\/[A-Za-z0-9._~-]+)*$/)
        .default(""),
      "What stands before the paths of the API, for a proxy that passes paths on as they come.",
      'segments that each begin with a slash, as in "/darner", or an empty text',
      "",
    ),
    tls: tlsFiles.exactOptional(),
    notificationScope: textKey(
      z.enum(["single_seed_peer", "all_seed_peers", "all_peers"]).default("all_seed_peers"),
      "Which hosts a registry's notification of a push warms.",
      '"single_seed_peer", "all_seed_peers" or "all_peers"',
      "all_seed_peers",
    ),
  }),
  source,
  journal: section({
    file: textKey(
      filePath.exactOptional(),
      "The file in which a scheduler writes down what it was told, for darner replay; one that is there already becomes FILE.1.",
      FILE,
    ),
    maxBytes: bytesKey(
      "256MiB",
      "How large the journal may become; then it ends, because without its beginning it could not be replayed.",
      65_536,
    ),
  }),
  jobs: section({
    ordinal: key(z.number().int().min(0).max(15).exactOptional(), {
      is: "Which of several schedulers this is: part of the ids of its jobs; without it the number at the end of its name (scheduler-2), else 0.",
      takes: "a whole number of 0 to 15",
      form: "value",
    }),
    keepSeconds: secondsKey(172_800, 86_400, "How long a scheduler keeps a preheat job that is over."),
  }),
  log: section({
    level: textKey(
      z.enum(["debug", "info", "warn", "error"]).default("info"),
      "How much is logged.",
      '"debug", "info", "warn" or "error"',
      "info",
    ),
  }),
  watchdog: section({
    seconds: secondsKey(
      5,
      0,
      "How long the process may hang before it is ended (a refused connection is better than a silent one); 0: never.",
    ),
  }),
});

/** The one schema of both processes. That it makes a `Config`, no key more or less, is checked by the compiler. */
export const configSchema: z.ZodType<Config> = schema satisfies z.ZodType<Exactly<Config, z.output<typeof schema>>>;

type Exactly<Wanted, Made> = DeepReadonly<Made> extends Wanted ? (Wanted extends DeepReadonly<Made> ? Wanted : never) : never;
type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;
