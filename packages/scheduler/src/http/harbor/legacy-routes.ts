import type { Jobs } from "@darner/preheat";
import type { AskedJobs } from "../asked-jobs.ts";
import { problem, type ApiRoute } from "../route.ts";
import { withJob } from "./dragonfly-routes.ts";
import { legacyRecord, readLegacyPreheat } from "./legacy.ts";

/** The face of Dragonfly 1, which Harbor 2.1 to 2.11 drive (contracts/harbor-preheat.md 1.8). */
export function legacyRoutes(jobs: Jobs, asked: AskedJobs): readonly ApiRoute[] {
  const route = { access: "token", face: "legacy" } as const;
  return [
    {
      ...route,
      method: "POST",
      path: "/preheats",
      handle: async ({ body }) => {
        const read = readLegacyPreheat(body);
        if (!read.ok) return problem(read.status, read.message);
        const created = await asked.create(read.value.request, read.value.credential);
        return "answer" in created ? created.answer : { status: 201, body: { id: String(created.job.id) } };
      },
    },
    {
      ...route,
      method: "GET",
      path: "/preheats/:id",
      handle: ({ params }) => withJob(jobs, params, (job) => ({ status: 200, body: legacyRecord(job) })),
    },
  ];
}
