import tseslint from "typescript-eslint";

// What each rule is for stands in style.md; scripts/gates.test.ts proves that each goes red.
const TESTS = ["**/*.test.ts", "**/*.conformance.ts"];
const PURE = ["packages/domain/src/**/*.ts", "packages/scheduler-core/src/**/*.ts", "packages/peer-core/src/**/*.ts"];
const LIBP2P_ROOMS = ["packages/daemon/src/p2p/**/*.ts", "packages/daemon/src/identity/**/*.ts"];

const noPeerId = {
  regex: ".*",
  importNamePattern: "^PeerId$",
  message: "libp2p's PeerId stays in packages/daemon/src/p2p and identity; a host is a HostId everywhere else.",
};

const noSleep = {
  regex: "^(node:)?timers/promises$",
  importNamePattern: "^(setTimeout|scheduler)$",
  message: "A test does not sleep: await the event, or use a stopped clock.",
};

const SLEEPS = [
  "NewExpression[callee.name='Promise'] CallExpression[callee.name='setTimeout'][arguments.0.type='Identifier']",
  "CallExpression[callee.name='promisify'] > Identifier[name='setTimeout']",
];

// What a product starts is a shell away from running what somebody wrote into a name. The exceptions, both without a shell: docker's credential
// helpers by a checked name, and systemd-notify by its path.
const STARTS_PROGRAMS = [
  "packages/registry-client/src/keychain/credential-helper.ts",
  "packages/runtime/src/lifecycle/notify-supervisor.ts",
];
const noPrograms = {
  regex: "^(node:)?(child_process|cluster|vm)$",
  message: "Product code starts no program and evaluates no text.",
};

const noSleepSyntax = SLEEPS.map((selector) => ({ selector, message: noSleep.message }));

const noClock = { name: "Date", message: "A core has no clock: it is told the time (`now`)." };
const noDice = { object: "Math", property: "random", message: "A core has no dice: it is handed them." };
const noExit = {
  object: "process",
  property: "exit",
  message: "Set process.exitCode and let the process end, so that nothing is cut off.",
};

// node:test answers these calls with a promise that it awaits itself.
const NODE_TEST = { from: "package", package: "node:test", name: ["test", "it", "describe", "suite", "todo", "skip", "only"] };

export default tseslint.config(
  { ignores: ["**/node_modules/", "**/dist/", "**/.tmp/", "packages/protocol/gen/", "data/", ".darner/"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: ["**/*.{js,mjs,ts}"],
    rules: {
      eqeqeq: "error",
      "max-depth": ["error", 4],
      "max-lines": ["error", 400],
      "max-lines-per-function": ["error", 60],
      "no-restricted-properties": ["error", noExit],
    },
  },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: ["./tsconfig.test.json"], tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-floating-promises": ["error", { allowForKnownSafeCalls: [NODE_TEST] }],
      "@typescript-eslint/no-restricted-imports": ["error", { patterns: [noPeerId] }],
      "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: "only-allowed-literals" }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // An `async` function without `await` still turns what it throws into a rejection, which its caller expects.
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
    },
  },
  {
    files: TESTS,
    rules: {
      "@typescript-eslint/no-restricted-imports": ["error", { patterns: [noPeerId, noSleep] }],
      // A suite is one function around its tests: what counts is the length of the tests, not of their list.
      "max-lines-per-function": ["error", 250],
      "no-restricted-syntax": ["error", ...noSleepSyntax],
    },
  },
  {
    files: ["packages/*/src/**/*.ts"],
    ignores: [...TESTS, ...STARTS_PROGRAMS, "packages/testkit/**"],
    rules: { "@typescript-eslint/no-restricted-imports": ["error", { patterns: [noPeerId, noPrograms] }] },
  },
  { files: ["**/*.{e2e,ways}.ts"], rules: { "max-lines-per-function": ["error", 250] } },
  {
    files: PURE,
    ignores: TESTS,
    rules: {
      "no-restricted-globals": ["error", noClock],
      "no-restricted-properties": ["error", noExit, noDice, { object: "globalThis", property: "Date", message: noClock.message }],
    },
  },
  {
    files: LIBP2P_ROOMS,
    ignores: TESTS,
    rules: { "@typescript-eslint/no-restricted-imports": ["error", { patterns: [noPrograms] }] },
  },
  { files: ["scripts/**/*.mjs"], rules: { "no-restricted-properties": "off" } },
);
