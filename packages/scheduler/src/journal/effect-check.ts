import { crc32 } from "node:zlib";
import type { PieceRun } from "@darner/domain";
import type { SchedulerEffect } from "@darner/scheduler-core";

/** Carries a running check (CRC-32 over everything that was decided so far, in order) on over the effects of one event. */
export function checkOf(effects: readonly SchedulerEffect[], before: number): number {
  let check = before;
  for (const effect of effects) {
    check = crc32(`${effect.type} ${effect.host} ${effect.task.digest} ${String(effect.task.size)} ${detailOf(effect)}\n`, check);
    if (effect.type === "send-table") for (const { hash } of effect.hashes) check = crc32(hash, check);
  }
  return check;
}

function detailOf(effect: SchedulerEffect): string {
  switch (effect.type) {
    case "grant-pieces":
      return `${String(effect.grant)} ${effect.parent} ${effect.address} ${runText(effect.run)}`;
    case "grant-stripe":
      return `${String(effect.grant)} ${runText(effect.run)} ${String(effect.connections)}`;
    case "revoke-grant":
      return String(effect.grant);
    case "send-table":
      return effect.hashes.map(({ piece }) => piece).join(",");
    case "tell-standing":
      return `${effect.standing} ${String(effect.retryAfterMs)}`;
    case "name-fault":
      return `${effect.fault} ${effect.registry} ${String(effect.blocked)}`;
    case "ask-table":
    case "restart-peer":
      return "";
  }
}

function runText({ first, stride, count }: PieceRun): string {
  return `${String(first)}+${String(stride)}*${String(count)}`;
}
