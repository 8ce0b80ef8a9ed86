import { measureMemory } from "../test/memory.ts";

/**
 * What a scheduler's memory grows by: bytes a host, a blob, a holder more of a blob, and a piece of a host that pulls.
 *
 *     node --conditions=source packages/scheduler-core/bench/memory.bench.ts [hosts]
 */
const hosts = Number(process.argv[2] ?? 10_000);
const { perHost, perTask, perHolder, perPullingHostAndPiece, left } = measureMemory(hosts);
const figures = [
  `${String(hosts)} hosts: ${perHost.toFixed(0)} bytes a host`,
  `${perTask.toFixed(0)} a blob with one holder`,
  `${perHolder.toFixed(0)} a further holder of it`,
  `${perPullingHostAndPiece.toFixed(1)} a host and piece of a blob of 1 GiB on its way (${((perPullingHostAndPiece * 256) / 1024).toFixed(1)} KiB a host)`,
  `${(left / 1024 ** 2).toFixed(2)} MiB left when all are gone`,
];
console.log(figures.join("\n  "));
