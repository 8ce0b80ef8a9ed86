// The floors of style.md: imports go strictly down, never sideways. A package that is missing here fails scripts/tidy.test.ts.
export const FLOORS = {
  domain: 0,
  runtime: 0,
  "peer-core": 1,
  kubernetes: 1,
  membership: 1,
  preheat: 2,
  protocol: 1,
  "registry-client": 1,
  "scheduler-core": 1,
  testkit: 1,
  mirror: 2,
  "node-setup": 2,
  simulator: 2,
  daemon: 3,
  scheduler: 3,
  cli: 4,
};

// The cores, and the words they speak: no builtin of Node, no package from npm.
export const PURE = ["domain", "peer-core", "scheduler-core"];

// Where test code lives; only from there the test kit may be imported.
const TEST_CODE =
  "(\\.(test|conformance)\\.ts$)|^packages/[^/]+/(test|e2e|demo|bench|fuzz)/|^packages/testkit/|^scripts/ways/|^scripts/chart(\\.ts$|/harness/|/[^/]*\\.chart\\.ts$)";

// One folder per technology, so that changing one stays a change in one folder.
const ROOMS = [
  {
    name: "libp2p",
    packages: "(libp2p|@libp2p/[^/]+|@chainsafe/libp2p-[^/]+)",
    folders: ["packages/daemon/src/p2p", "packages/daemon/src/identity"],
  },
  {
    name: "grpc",
    packages: "@grpc/grpc-js",
    folders: [
      "packages/(daemon/src|daemon/test)/scheduler-link",
      "packages/(daemon/src|daemon/test)/containerd",
      "packages/scheduler/(src|test)/grpc",
      "packages/protocol",
      "packages/node-setup/src/cri",
    ],
  },
  { name: "level", packages: "level", folders: ["packages/daemon/src/store", "packages/scheduler/src/job-store"] },
];

function floorRules() {
  return Object.entries(FLOORS).map(([name, floor]) => {
    const notBelow = Object.keys(FLOORS).filter((other) => other !== name && FLOORS[other] >= floor && other !== "testkit");
    return {
      name: `floor-of-${name}`,
      comment: `${name} is on floor ${floor}: it imports only from the floors below, never sideways.`,
      severity: "error",
      from: { path: `^packages/${name}/` },
      to: { path: `^packages/(${notBelow.join("|")})/` },
    };
  });
}

function roomRules() {
  return ROOMS.map(({ name, packages, folders }) => ({
    name: `${name}-stays-in-its-room`,
    comment: `${name} is imported only in ${folders.join(", ")}.`,
    severity: "error",
    from: { path: "^(packages|scripts)/", pathNot: `^(${folders.join("|")})/` },
    to: { path: `(^|/)node_modules/${packages}/` },
  }));
}

const pure = `^packages/(${PURE.join("|")})/`;

export default {
  forbidden: [
    ...floorRules(),
    ...roomRules(),
    {
      name: "no-cycles",
      comment: "Of two files that need each other, neither can be read first. Imports of types count.",
      severity: "error",
      from: { path: "^(packages|scripts)/" },
      to: { circular: true },
    },
    {
      name: "core-is-pure",
      comment: "The cores and the domain import nothing of Node and nothing from npm.",
      severity: "error",
      from: { path: pure, pathNot: TEST_CODE },
      to: {
        dependencyTypes: ["core", "npm", "npm-dev", "npm-optional", "npm-peer", "npm-bundled", "npm-no-pkg", "npm-unknown"],
        pathNot: "^packages/",
      },
    },
    {
      name: "no-deep-import",
      comment: "Of another package only its front door is imported: its src/index.ts, by name.",
      severity: "error",
      from: { path: "^packages/([^/]+)/" },
      to: { path: "^packages/", pathNot: ["^packages/$1/", "^packages/[^/]+/src/index\\.ts$"] },
    },
    {
      name: "by-name-not-by-path",
      comment: "Another package is imported by its name (@darner/…), not by a path.",
      severity: "error",
      from: { path: "^packages/([^/]+)/" },
      to: { path: "^packages/", pathNot: "^packages/$1/", dependencyTypes: ["local"] },
    },
    {
      name: "testkit-is-for-tests",
      comment: "The test kit is imported only from tests, conformance suites, e2e, demo and bench.",
      severity: "error",
      from: { path: "^(packages|scripts)/", pathNot: TEST_CODE },
      to: { path: "^packages/testkit/" },
    },
    {
      name: "tests-are-leaves",
      comment: "What runs does not import what tests it.",
      severity: "error",
      from: { path: "^(packages|scripts)/", pathNot: TEST_CODE },
      to: { path: TEST_CODE, pathNot: "^packages/testkit/" },
    },
    {
      name: "resolvable",
      comment: "An import that leads nowhere is also one that none of the rules above can judge.",
      severity: "error",
      from: { path: "^(packages|scripts)/" },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true, // type-only imports count too
    doNotFollow: { path: "(^|/)node_modules/" },
    exclude: { path: "^packages/[^/]+/dist/" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["source", "import", "node", "default", "types"],
      extensions: [".ts", ".js", ".mjs", ".cjs", ".json"],
    },
  },
};
