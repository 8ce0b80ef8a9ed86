import { z } from "zod";
import type { ScheduleConfig } from "./config.ts";
import { key, listKey, textKey } from "./config-values.ts";

const schedule = z.strictObject({
  cron: textKey(
    z.string().regex(/^\S+(?: +\S+){4,5}$/),
    "When the images are preheated.",
    'five fields (minute hour day month weekday), or six with seconds before, as in "0 3 * * 1-5"',
  ),
  timezone: textKey(
    z.string().min(1).exactOptional(),
    "The time zone of those fields; without it UTC.",
    'an IANA name, as in "Europe/Berlin"',
  ),
  images: listKey(z.string().min(1), [], "The images, as people write them.", 'a list of images, as in ["harbor.corp/team/app:v1"]'),
  scope: textKey(
    z.enum(["single_seed_peer", "all_seed_peers", "all_peers"]).default("all_peers"),
    "Which hosts are to hold them.",
    '"single_seed_peer", "all_seed_peers" or "all_peers"',
    "all_peers",
  ),
});

/** Lists of images that are preheated by the clock. */
export const schedules: z.ZodType<ScheduleConfig[]> = key(z.array(schedule).default([]), {
  is: "Images that the scheduler preheats again and again.",
  takes: 'a list of maps, as in [{ cron: "0 3 * * *", images: ["harbor.corp/team/app:v1"] }]',
  form: "json",
});
