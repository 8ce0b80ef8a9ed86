import { boundSeconds } from "./bound.ts";
import { unlessAsked } from "./interruption.ts";
import { measurePull, type Measured } from "./measure.ts";
import { Stage, type StagedImage } from "./stage.ts";
import type { SwarmCase } from "./swarm-case.ts";

/** All rounds of a case. In each round the same image takes every way, one after the other. */
export type CaseResult = {
  readonly plan: SwarmCase;
  readonly mirror: string;
  /** How TCP shared full links. */
  readonly congestion: string;
  readonly boundSeconds: number;
  /** One node straight from the registry. */
  readonly unit: readonly Measured[];
  /** All nodes straight from the registry: in the first round only, for it takes as many units as there are nodes. */
  readonly straight: readonly Measured[];
  /** One node through its mirror, nobody else pulling. */
  readonly alone: readonly Measured[];
  /** All nodes through their mirrors. */
  readonly swarm: readonly Measured[];
  /** Whether every node had every layer right after each swarm round. */
  readonly digestsRight: boolean;
};

const MIB = 1024 * 1024;
// The blob that warms the mirrors up: code compiled, connections open.
const WARM_BYTES = 32 * MIB;

/** How a case is run: the command of another mirror than Darner, who hears of every step, and what ends it early. */
export type CaseRun = { readonly template: string | undefined; readonly tell: (text: string) => void; readonly asked: AbortSignal };

/** Runs one case on a stage of its own, which is taken down at its end, also where it is asked to stop. */
export async function runCase(plan: SwarmCase, run: CaseRun): Promise<CaseResult> {
  await using lives = new AsyncDisposableStack();
  return await unlessAsked(run.asked, play(plan, run, lives));
}

async function play(plan: SwarmCase, { template, tell, asked }: CaseRun, lives: AsyncDisposableStack): Promise<CaseResult> {
  const stage = await Stage.open(plan, template, lives);
  const result = { unit: [] as Measured[], straight: [] as Measured[], alone: [] as Measured[], swarm: [] as Measured[] };
  await warmUp(stage, plan);
  let digestsRight = true;
  for (let round = 1; round <= plan.rounds; round++) {
    const image = await stage.push(`r${String(round)}`, plan.layers, plan.layerBytes);
    const step = async (kind: keyof typeof result, run: () => Promise<Measured>): Promise<Measured> => {
      const measured = await run();
      result[kind].push(measured);
      // What is left of a run that was asked to stop says nothing.
      if (!asked.aborted) tell(`  round ${String(round)}, ${kind}: ${describe(measured)}`);
      return measured;
    };
    const unit = await step("unit", () => measurePull(stage, plan, image, stage.nodes.slice(0, 1), "straight"));
    await forgetAll(stage, image);
    if (round === 1 && plan.straight) await step("straight", () => measurePull(stage, plan, image, stage.nodes, "straight"));
    await forgetAll(stage, image);
    const isLast = round === plan.rounds;
    const killAfterMs = plan.killOne && isLast ? ((unit.seconds[0] ?? 0) * 1000) / 2 : undefined;
    await step("swarm", () => measurePull(stage, plan, image, stage.nodes, "mirror", killAfterMs));
    digestsRight = (await allRight(stage, image, killAfterMs !== undefined)) && digestsRight;
    await forgetAll(stage, image);
    if (killAfterMs !== undefined) continue;
    const own = await stage.push(`a${String(round)}`, plan.layers, plan.layerBytes);
    await step("alone", () => measurePull(stage, plan, own, stage.nodes.slice(0, 1), "mirror"));
    await forgetAll(stage, own);
  }
  return { plan, mirror: stage.mirrorName, congestion: stage.congestion, boundSeconds: boundSeconds(plan), ...result, digestsRight };
}

/** One line about one pull. */
function describe({ seconds, copies, cpu, cpuPerGigabyte, ok, trouble }: Measured): string {
  const parts = Object.entries(cpu.parts).map(([part, { user, system }]) => `${part} ${user.toFixed(2)}+${system.toFixed(2)}`);
  const figures = [
    `last ${(seconds.at(-1) ?? 0).toFixed(2)} s`,
    `${copies.toFixed(4)} copies`,
    `CPU ${(cpu.utilisation * 100).toFixed(0)} %`,
    `${cpuPerGigabyte.toFixed(1)} CPU-s/GB`,
    `(${[...parts, `elsewhere ${cpu.elsewhere.toFixed(2)}`].join(", ")})`,
  ];
  return `${figures.join(", ")}${ok ? "" : ` FAILED ${trouble}`}`;
}

async function warmUp(stage: Stage, plan: SwarmCase): Promise<void> {
  const image = await stage.push("warm", 1, Math.min(WARM_BYTES, plan.layerBytes));
  const { ok, trouble } = await measurePull(stage, { ...plan, joinSpreadMs: 0 }, image, stage.nodes, "mirror");
  if (!ok) throw new Error(`the first pull failed: ${trouble}`);
  await forgetAll(stage, image);
}

async function forgetAll(stage: Stage, image: StagedImage): Promise<void> {
  for (const node of stage.nodes) await stage.forget(node, image);
}

async function allRight(stage: Stage, image: StagedImage, isLastDead: boolean): Promise<boolean> {
  for (const node of isLastDead ? stage.nodes.slice(0, -1) : stage.nodes) {
    if (!(await stage.holds(node, image))) return false;
  }
  return true;
}
