import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { CHART, NAMESPACE } from "./harness/render.ts";
import { helm } from "./harness/tools.ts";

/** What is wrong, how it is said on the command line, and what the message must name. */
const WRONG: readonly (readonly [string, readonly string[], RegExp])[] = [
  ["a key that is none", ["--set", "demon.user=1"], /additional properties? '?demon'? not allowed|demon is not allowed/i],
  ["a key that is none, deeper", ["--set", "daemon.ports.miror=4101"], /daemon.*ports[\s\S]*miror/],
  ["a key of the configuration that is none", ["--set", "config.store.maxByte=1GiB"], /config.*store[\s\S]*maxByte/],
  ["a key of the daemon's configuration that is none", ["--set", "daemon.config.mirrow.allow={**}"], /daemon.*config[\s\S]*mirrow/],
  [
    "a key of the scheduler's configuration that is none",
    ["--set", "scheduler.config.sourc.maxReadersPerBlob=2"],
    /scheduler.*config[\s\S]*sourc/,
  ],
  ["a key of the seeds' configuration that is none", ["--set", "seed.config.stor=1"], /seed.*config[\s\S]*stor/],
  ["a key that the chart sets itself", ["--set", "daemon.config.listen.mirror=0.0.0.0:4101"], /daemon.*config[\s\S]*listen/],
  ["a size", ["--set", "config.store.maxBytes=100gigs"], /maxBytes/],
  ["a time that is none", ["--set-string", "config.mirror.tagTtlSeconds=soon"], /tagTtlSeconds/],
  ["a time below the least", ["--set", "config.jobs.keepSeconds=5"], /keepSeconds/],
  ["an interval", ["--set", "metrics.podMonitor.interval=often"], /podMonitor.*interval/],
  ["a port out of range", ["--set", "daemon.ports.pieces=70000"], /ports.*pieces/],
  ["a port that is a text", ["--set-string", "daemon.ports.pieces=4102x"], /ports.*pieces/],
  [
    "two doors at one port",
    ["--set", "daemon.ports.pieces=4101"],
    /daemon\.ports\.mirror and daemon\.ports\.pieces are both 4101.*give each another one/,
  ],
  [
    "two doors of the scheduler at one port",
    ["--set", "scheduler.ports.http=4110"],
    /scheduler\.ports\.grpc and scheduler\.ports\.http are both 4110/,
  ],
  ["a profile that is none", ["--set", "profile=k4s"], /no profile "k4s": .*k3s/],
  ["too many schedulers", ["--set", "scheduler.replicas=6"], /scheduler.*replicas/],
  ["no schedulers at all", ["--set", "scheduler.replicas=0"], /scheduler.*replicas/],
  ["a tag that moves", ["--set", "image.tag=latest"], /image.*tag/],
  ["half a digest", ["--set", "image.digest=sha256:abc"], /image.*digest/],
  ["a mode that is none", ["--set", "nodeSetup.mode=static"], /nodeSetup.*mode/],
  ["a path that is relative", ["--set", "daemon.cache.hostPath=var/cache"], /cache.*hostPath/],
  [
    "the daemon's directory around what root puts back",
    ["--set", "daemon.cache.hostPath=/var/lib/darner/node-setup/x"],
    /lie in each other/,
  ],
  [
    "node set-up that would see everything",
    ["--set", "nodeSetup.paths[0].path=/var/lib/darner"],
    /nodeSetup\.paths: \/var\/lib\/darner holds the daemon's own directory/,
  ],
  ["a memory limit", ["--set", "daemon.resources.limits.memory=lots"], /resources.*limits/],
  ["a volume's size", ["--set", "seed.persistence.size=big"], /persistence.*size/],
  [
    "Harbor without its secret",
    ["--set", "harbor.register.enabled=true,harbor.register.url=https://h.corp"],
    /harbor\.register needs url and existingSecret/,
  ],
  ["a Harbor without scheme", ["--set", "harbor.register.url=h.corp"], /harbor.*register.*url/],
  ["an ingress without a host", ["--set", "scheduler.ingress.enabled=true"], /scheduler\.ingress\.host is empty/],
  ["a route without a gateway", ["--set", "scheduler.httpRoute.enabled=true"], /parentRefs is empty/],
  ["no scheduler anywhere", ["--set", "scheduler.enabled=false"], /config\.schedulers names none/],
  ["a schedule that is none", ["--set-json", 'scheduler.config.preheat.schedules=[{"cron":"daily","images":["a"]}]'], /cron/],
  ["a secret's name that cannot be one", ["--set", "registryCredentials={Has_Capitals}"], /registryCredentials/],
  ["the daemon as root", ["--set", "daemon.user=0"], /daemon.*user/],
];

for (const major of [3, 4] as const) {
  suite(`Helm ${String(major)} refuses`, () => {
    for (const [what, args, says] of WRONG) {
      test(what, async () => {
        const { code, err } = await helm(major, "template", "darner", CHART, "--namespace", NAMESPACE, ...args);
        assert.notEqual(code, 0);
        assert.match(err.replaceAll("/", "."), new RegExp(says.source.replaceAll("\\/", "\\."), says.flags));
      });
    }
  });
}

test("several mistakes that no schema sees are told at once", async () => {
  const { err } = await helm(4, "template", "darner", CHART, "--set", "daemon.ports.p2p=4101,scheduler.ports.http=4110,profile=none");
  assert.equal((err.match(/^ {2}- /gm) ?? []).length, 3);
});
