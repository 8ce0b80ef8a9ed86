import { bytesText } from "../text.ts";

/** How far a host is, as the API tells it. */
export type ToldHost = {
  readonly hostName: string;
  readonly state: string;
  readonly contents: number;
  readonly contentsHeld: number;
  readonly bytes: number;
  readonly bytesHeld: number;
};

/** A job as the API tells it. */
export type ToldJob = {
  readonly id: number;
  readonly state: string;
  readonly images: readonly string[];
  readonly createdAt: string;
  readonly finishedAt?: string;
  readonly error?: string;
  readonly resolved: readonly {
    readonly name: string;
    readonly digest: string;
    readonly platforms: readonly string[];
    readonly bytes: number;
    readonly notes?: readonly string[];
  }[];
  readonly hosts: readonly ToldHost[];
  readonly failures: readonly { readonly hostName: string; readonly url: string; readonly description: string }[];
  readonly failuresLeftOut: number;
};

// A cluster of thousands is not read host by host: those that are not done come first.
const MAX_HOST_LINES = 50;

/** A job on a line. */
export function jobLine({ id, state, images, createdAt, error }: ToldJob): string {
  const [first = "", ...more] = images;
  const what = more.length === 0 ? first : `${first} and ${String(more.length)} more`;
  return `${String(id)}  ${state.padEnd(9)}  ${createdAt}  ${what}${error === undefined ? "" : `  ${error}`}`;
}

/** How far single hosts are, those that are on their way first: a line each, at most so many. */
export function hostLines({ hosts }: ToldJob, most: number): string[] {
  const open = hosts.filter(({ state }) => state === "running" || state === "waiting");
  const width = Math.max(0, ...open.slice(0, most).map(({ hostName }) => hostName.length));
  const lines = open.slice(0, most).map(({ hostName, state, contents, contentsHeld, bytes, bytesHeld }) => {
    const percent = bytes === 0 ? 0 : Math.floor((100 * bytesHeld) / bytes);
    const figures = `${String(percent).padStart(3)} %  ${bytesText(bytesHeld)} of ${bytesText(bytes)}, ${String(contentsHeld)} of ${String(contents)}`;
    return `  ${hostName.padEnd(width)}  ${state === "waiting" ? "waits" : figures}`;
  });
  return open.length > most ? [...lines, `  and ${String(open.length - most)} hosts more`] : lines;
}

/** How far a job is, on a line. */
export function progressLine({ hosts, state }: ToldJob): string {
  const complete = hosts.filter((host) => host.state === "complete").length;
  const failed = hosts.filter((host) => host.state === "failed").length;
  const [held, all] = [sum(hosts.map(({ bytesHeld }) => bytesHeld)), sum(hosts.map(({ bytes }) => bytes))];
  const failures = failed === 0 ? "" : `, ${String(failed)} failed`;
  return `${state}: ${String(complete)} of ${String(hosts.length)} hosts${failures}, ${bytesText(held)} of ${bytesText(all)}`;
}

/** A job with its hosts and failures. */
export function jobText(job: ToldJob): string {
  const images = job.resolved.flatMap(({ name, digest, platforms, bytes, notes = [] }) => {
    const forWhat = platforms.length === 0 ? "" : `  for ${platforms.join(", ")}`;
    return [`  ${name}  ${digest}  ${bytesText(bytes)}${forWhat}`, ...notes.map((note) => `    ${note}`)];
  });
  // Where no image could be resolved there is nothing to say of hosts.
  const asked = job.resolved.length === 0 ? [] : job.hosts;
  const hosts = [...asked].sort((a, b) => Number(a.state === "complete") - Number(b.state === "complete"));
  const hostLines = hosts
    .slice(0, MAX_HOST_LINES)
    .map(
      ({ hostName, state, contents, contentsHeld, bytesHeld, bytes }) =>
        `  ${hostName}  ${state}  ${String(contentsHeld)} of ${String(contents)}, ${bytesText(bytesHeld)} of ${bytesText(bytes)}`,
    );
  if (hosts.length > MAX_HOST_LINES) hostLines.push(`  and ${String(hosts.length - MAX_HOST_LINES)} hosts more (--json shows all)`);
  const failures = job.failures.map(({ hostName, url, description }) => `  ${hostName}  ${url}  ${description}`);
  if (job.failuresLeftOut > 0) failures.push(`  and ${String(job.failuresLeftOut)} failures more`);
  const parts = [[jobLine(job)], titled("images", images), titled("hosts", hostLines), titled("failures", failures)];
  return `${parts.flat().join("\n")}\n`;
}

function titled(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`${title}:`, ...lines];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
