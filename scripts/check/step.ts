/** One step of the gate: a name, and a run over the checkout at `root`. */
export type Step = { readonly name: string; readonly run: (root: string) => Promise<StepResult> };

/** How a step ended. A step that runs one tool counts as one test; one that runs tests counts them. */
export type StepResult = {
  readonly passed: number;
  readonly failed: number;
  /** What to mend, one problem a line where the tool allows it; empty where there is nothing. */
  readonly problems: string;
  /** What a reader should know although nothing failed: what was skipped, which seeds were drawn. */
  readonly notes: string;
};

/** The result of a step that runs one tool: it failed where there are problems. */
export function oneTest(problems: string, notes = ""): StepResult {
  return problems === "" ? { passed: 1, failed: 0, problems, notes } : { passed: 0, failed: 1, problems, notes };
}
