import assert from "node:assert/strict";
import { test } from "node:test";
import { hostIdOf } from "@darner/domain";
import fc from "fast-check";
import { DEFAULT_LIMITS } from "../limits.ts";
import { HostTable } from "../books/host-table.ts";
import { type Member, newMember } from "../books/member.ts";
import type { SpreadTree } from "./spread-tree.ts";
import { SpreadTrees } from "./spread-trees.ts";

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("join" as const), zone: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("leave" as const), who: fc.nat(1000) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("leaf" as const), who: fc.nat(1000) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("crown" as const), who: fc.nat(1000) }) },
);

function memberOf(hosts: HostTable, number: number, zone: string): Member {
  const id = hostIdOf(`host-${String(number)}`);
  hosts.join(id, "address", zone, false);
  const host = hosts.get(id);
  assert.ok(host !== undefined);
  return newMember(host, "one.example", 1);
}

function assertTree(tree: SpreadTree, members: readonly Member[]): void {
  const reached = [...tree.downwards()];
  assert.equal(new Set(reached).size, reached.length, "a member has two places");
  assert.deepEqual(new Set(reached), new Set(members), "a member has no place");
  const ways = new Map<string, number>();
  for (const member of members) {
    const { zone } = member.host;
    if (tree.parentOf(member)?.host.zone !== zone) ways.set(zone, (ways.get(zone) ?? 0) + 1);
  }
  for (const [zone, count] of ways) assert.equal(count, 1, `${String(count)} ways into ${zone}`);
}

function assertCrowned(trees: SpreadTrees, member: Member): void {
  const roots = trees.trees.map(({ root }) => root);
  trees.crown(member, () => true);
  const isOfTheirZone = roots.some((root) => root?.host.zone === member.host.zone);
  if (isOfTheirZone) assert.notEqual(trees.rootedAt(member), undefined, "it is a root");
  else
    assert.deepEqual(
      trees.trees.map(({ root }) => root),
      roots,
      "nobody of another zone gives way",
    );
}

test("whoever comes, leaves or becomes a leaf: everybody has one place in each tree, and each zone one way in", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const hosts = new HostTable(DEFAULT_LIMITS);
      const trees = new SpreadTrees();
      const members: Member[] = [];
      for (const [number, each] of steps.entries()) {
        if (each.type === "join") {
          const member = memberOf(hosts, number, `region/rack-${String(each.zone)}`);
          members.push(member);
          trees.join(member);
        } else if (members.length > 0) {
          const [member] = members.slice(each.who % members.length);
          assert.ok(member !== undefined);
          if (each.type === "leaf") trees.makeLeaf(member);
          else if (each.type === "crown") assertCrowned(trees, member);
          else {
            members.splice(members.indexOf(member), 1);
            trees.leave(member);
          }
        }
        for (const tree of trees.trees) assertTree(tree, members);
      }
    }),
    { numRuns: 150 },
  );
});

test("when every other host ends before the rest, leaves hang on leaves, and none below itself", () => {
  const ends = fc.record({ size: fc.integer({ min: 4, max: 80 }), from: fc.nat(80), stride: fc.integer({ min: 1, max: 4 }) });
  fc.assert(
    fc.property(ends, ({ size, from, stride }) => {
      const hosts = new HostTable(DEFAULT_LIMITS);
      const trees = new SpreadTrees();
      const members = Array.from({ length: size }, (_, number) => memberOf(hosts, number, ""));
      for (const member of members) trees.join(member);
      for (const member of members.filter((_, at) => at >= from && (at - from) % stride === 0)) {
        members.splice(members.indexOf(member), 1);
        trees.leave(member);
        for (const tree of trees.trees) assertTree(tree, members);
      }
    }),
    { numRuns: 150 },
  );
});

test("in whatever order hosts come: each sends one copy at most, and two halves leave each rack", () => {
  const zonesInOrder = fc.array(fc.integer({ min: 2, max: 30 }), { minLength: 2, maxLength: 8 }).chain((sizes) => {
    const zones = sizes.flatMap((size, rack) => Array.from({ length: size }, () => `rack-${String(rack)}`));
    return fc.shuffledSubarray(zones, { minLength: zones.length });
  });
  fc.assert(
    fc.property(zonesInOrder, (zones) => {
      const hosts = new HostTable(DEFAULT_LIMITS);
      const trees = new SpreadTrees();
      const members = zones.map((zone, number) => memberOf(hosts, number, zone));
      for (const member of members) trees.join(member);
      const sent = new Map<Member, number>();
      const left = new Map<string, number>();
      for (const tree of trees.trees) {
        for (const member of members) {
          const parent = tree.parentOf(member);
          if (parent === undefined) continue;
          sent.set(parent, (sent.get(parent) ?? 0) + 1);
          if (parent.host.zone !== member.host.zone) left.set(parent.host.zone, (left.get(parent.host.zone) ?? 0) + 1);
        }
      }
      assert.ok(Math.max(...sent.values()) <= 2, "somebody sends more than two halves");
      assert.ok(Math.max(...left.values()) <= 2, "more than two halves leave a rack");
    }),
    { numRuns: 100 },
  );
});

test("twenty racks of fifty, in whatever order their hosts come, are not much deeper than one of a thousand", () => {
  const RACKS = 20;
  const zones = Array.from({ length: 1000 }, (_, number) => `rack-${String(number % RACKS)}`);
  fc.assert(
    fc.property(fc.shuffledSubarray(zones, { minLength: zones.length }), (shuffled) => {
      const hosts = new HostTable(DEFAULT_LIMITS);
      const trees = new SpreadTrees();
      const members = shuffled.map((zone, number) => memberOf(hosts, number, zone));
      for (const member of members) trees.join(member);
      // One of a thousand has 9 steps, of two racks to a rack 4 steps of racks and 5 within the last at least.
      for (const tree of trees.trees) for (const member of members) assert.ok(tree.depthOf(member) <= 18);
    }),
    { numRuns: 5 },
  );
});
