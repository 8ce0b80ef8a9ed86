import assert from "node:assert/strict";
import { test } from "node:test";
import { holdLease, type Change, type LeaseReport, type LeaseState, type Plan, type ProbeOutcome } from "@darner/node-setup";
import type { Timers } from "@darner/runtime";
import { capturedLog, noLeaks } from "@darner/testkit";

noLeaks();

const CHANGE: Change = { kind: "file", path: "/etc/x", before: undefined, after: "x" };
const NOTHING: Plan = { changes: [], problems: [], hints: [] };

/** Time that passes as fast as the lease looks. */
class Hasty implements Timers {
  #now = 0;

  now(): number {
    return this.#now;
  }

  setTimeout(run: () => void, ms: number): () => void {
    const handle = setImmediate(() => {
      this.#now += ms;
      run();
    });
    return () => {
      clearImmediate(handle);
    };
  }
}

/** Plays looks: at each one the daemon is ready or not, and the node is set up as it should be or not; then the process is asked to end. */
async function play(
  looks: readonly { ready: boolean; plan?: Plan | Error; disk?: Error }[],
  probe?: () => Promise<ProbeOutcome>,
): Promise<{ did: string[]; states: LeaseState[]; reports: LeaseReport[]; log: string }> {
  const [did, states, log, asked] = [[] as string[], [] as LeaseState[], capturedLog(), new AbortController()];
  const reports: LeaseReport[] = [];
  let at = -1;
  await holdLease(
    {
      log,
      timers: new Hasty(),
      isReady: () => {
        at += 1;
        if (at >= looks.length) asked.abort();
        return Promise.resolve(looks[at]?.ready ?? false);
      },
      plan: () => {
        const plan = looks[at]?.plan ?? NOTHING;
        return plan instanceof Error ? Promise.reject(plan) : Promise.resolve(plan);
      },
      applier: {
        apply: () => {
          did.push(`apply@${String(at)}`);
          const { disk } = looks[at] ?? {};
          return disk === undefined ? Promise.resolve() : Promise.reject(disk);
        },
        undo: () => {
          did.push(`undo@${String(at)}`);
          return Promise.resolve({ undone: [], left: [] });
        },
      },
      onState: (state) => states.push(state),
      onReport: (report) => reports.push(report),
      ...(probe && { probe }),
    },
    asked.signal,
  );
  return { did, states, reports, log: log.text() };
}

function times<T>(count: number, one: T): T[] {
  return Array.from({ length: count }, () => one);
}

const write = { ...NOTHING, changes: [CHANGE] };

test("what an earlier life left goes first; the files come when the daemon is ready and go when the process is asked to end", async () => {
  const { did, states } = await play([{ ready: false }, { ready: true, plan: write }, { ready: true }]);
  assert.deepEqual(did, ["undo@-1", "undo@0", "apply@1", "undo@3"]);
  assert.deepEqual(states, ["waiting", "held"]);
});

test("one look that fails is no end; three are, and a daemon that comes back is told of again", async () => {
  const up = { ready: true, plan: write };
  const down = { ready: false };
  const { did, states } = await play([up, down, down, { ready: true }, down, down, down, up]);
  assert.deepEqual(did, ["undo@-1", "apply@0", "undo@6", "apply@7", "undo@8"]);
  assert.deepEqual(states, ["held", "waiting", "held"]);
});

test("every half minute it is looked after whether somebody took the files away", async () => {
  const looks = Array.from({ length: 62 }, (_, at) => ({ ready: true, plan: at === 0 || at === 30 ? write : NOTHING }));
  const { did } = await play(looks);
  assert.deepEqual(did, ["undo@-1", "apply@0", "apply@30", "undo@62"]);
});

test("a probe proves each writing; one that is lost is made again at every assertion, told of once, and reported", async () => {
  const looks = Array.from({ length: 62 }, (_, at) => ({ ready: true, plan: at === 0 ? write : NOTHING }));
  const probes: ProbeOutcome[] = ["lost", "lost", "arrived"];
  const { reports, log } = await play(looks, () => Promise.resolve(probes.shift() ?? "arrived"));
  assert.deepEqual(
    reports.map(({ state, probe }) => [state, probe]),
    [
      ["held", "lost"],
      ["held", "lost"],
      ["held", "arrived"],
    ],
  );
  assert.match(reports[0]?.problem ?? "", /does not ask it/);
  assert.equal(reports[2]?.problem, "");
  assert.equal(log.split("a probe pull did not come").length - 1, 1);
});

test("a probe that arrived is not made again for ten minutes", async () => {
  let probes = 0;
  const looks = Array.from({ length: 590 }, (_, at) => ({ ready: true, plan: at === 0 ? write : NOTHING }));
  await play(looks, () => {
    probes += 1;
    return Promise.resolve("arrived");
  });
  assert.equal(probes, 1);
});

test("a node that cannot be set up is told of once, with the next step, and tried again", async () => {
  const refused = { ready: true, plan: { ...NOTHING, problems: ["put this into config.toml"] } };
  const { did, states, log } = await play([...times(20, refused), { ready: true, plan: write }]);
  assert.deepEqual(did, ["undo@-1", "apply@20", "undo@21"]);
  assert.deepEqual(states, ["refused", "held"]);
  assert.equal(log.split("put this into config.toml").length - 1, 1);
});

test("a node whose disk cannot be written is told of once, with the file and the next step, until it can", async () => {
  const readOnly = { ready: true, plan: write, disk: new Error("EROFS: read-only file system") };
  const { states, reports, log } = await play([...times(20, readOnly), { ready: true, plan: write }]);
  assert.deepEqual(states, ["refused", "held"]);
  assert.match(
    reports[0]?.problem ?? "",
    /^\/etc\/x cannot be written \(Error: EROFS.*make the directory writable.*pulls from the registries$/,
  );
  assert.equal(log.split("EROFS").length - 1, 1);
  assert.equal(reports.at(-1)?.problem, "");
});

test("a node whose files cannot be looked at is told of, and tried again", async () => {
  const { states, reports } = await play([...times(10, { ready: true, plan: new Error("EIO") }), { ready: true, plan: write }]);
  assert.deepEqual(states, ["refused", "held"]);
  assert.match(reports[0]?.problem ?? "", /^this node's files cannot be written \(Error: EIO\)/);
});
