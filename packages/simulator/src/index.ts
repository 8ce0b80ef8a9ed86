export type { Report } from "./report.ts";
export { lowerBoundMs } from "./report.ts";
export type { Fault, Scenario } from "./scenario.ts";
export { coldPull } from "./scenarios/cold-pull.ts";
export { lateRegistry, TROUBLE } from "./scenarios/trouble.ts";
export { Simulation } from "./simulation.ts";
