import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { HarborInstances, HarborSimulator, type PreheatArtifact, type TaskOutcome } from "@darner/testkit";

// A Harbor in a network namespace of its own: PORT USERNAME PASSWORD. What is registered as a preheat provider there is asked to preheat by a
// POST of an artifact to /execute, as the policy of an administrator would; the answer is how the task ended.
const [port = "", username = "", password = ""] = process.argv.slice(2);
const instances = new HarborInstances(username, password);

// Harbor's ticker is 10 s; nothing else of a poll depends on it.
const TICK_MS = 200;

async function execute(artifact: PreheatArtifact): Promise<TaskOutcome | undefined> {
  const [given] = [...instances.given.values()] as unknown as readonly [
    { endpoint: string; auth_mode: string; auth_info: Record<string, string>; insecure: boolean } | undefined,
  ];
  if (given === undefined) return undefined;
  const { endpoint, auth_mode: authMode, auth_info: authInfo, insecure } = given;
  using simulator = new HarborSimulator({ instance: { vendor: "dragonfly", endpoint, authMode, authInfo, insecure }, tickMs: TICK_MS });
  const [outcome] = await simulator.execute([artifact]);
  return outcome;
}

createServer((request, response) => {
  const answered = async (): Promise<readonly [number, unknown]> =>
    request.url === "/execute" ? [200, await execute((await json(request)) as PreheatArtifact)] : instances.answer(request);
  answered().then(
    ([status, body]) => response.writeHead(status).end(body === undefined ? "" : JSON.stringify(body)),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
}).listen(Number(port), "0.0.0.0", () => {
  process.stdout.write("open\n");
});
