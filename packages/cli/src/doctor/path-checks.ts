import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { connect, constants, type ClientHttp2Session, type IncomingHttpHeaders } from "node:http2";
import { networkInterfaces } from "node:os";
import { amiss, well, type Finding } from "./finding.ts";

// On a network that works an answer comes within a few round trips, sent again once or twice.
const ANSWER_MS = 3000;
// More than a frame of any Ethernet but those of nine kilobytes, and less than a server takes as a header.
const LARGE_BYTES = 6000;
// Dates of answers are whole seconds: this much may be nobody's fault.
const ROUGH_MS = 2000;
// Logs of several machines cannot be put together beyond this; tokens and certificates of registries begin to fail beyond the other.
const SKEW_MS = 10_000;
const BAD_SKEW_MS = 120_000;
// What IPv6 wants of every link.
const LEAST_MTU = 1280;

/** What a scheduler's answer told. */
type Told = { readonly headers: IncomingHttpHeaders; readonly aheadMs: number };

/**
 * Looks at the way to a scheduler's port for daemons: whether its clock agrees with this one, and whether large packets come through in
 * both directions. It is asked for a method that nobody has, whose name it repeats in its answer; no membership is needed for that.
 */
export async function pathChecks(address: string, today: () => number = Date.now): Promise<Finding[]> {
  for (const scheme of ["https", "http"]) {
    const session = connect(`${scheme}://${address}`, { rejectUnauthorized: false });
    // Whatever ends the session also ends the requests, which say so.
    session.on("error", () => undefined);
    try {
      const told = await ask(session, "small", today);
      if (told !== undefined) return [clockCheck(address, told), await sizeCheck(address, session, today)];
    } finally {
      session.destroy();
    }
  }
  return [];
}

function clockCheck(address: string, { headers, aheadMs }: Told): Finding {
  const id = "clock.skew";
  if (headers.date === undefined) return well(id, `${address} tells no time`);
  const off = Math.max(0, Math.abs(aheadMs) - ROUGH_MS);
  if (off < SKEW_MS) return well(id, `this clock and that of ${address} agree`);
  const text = `this clock is ${String(Math.round(Math.abs(aheadMs) / 1000))} s ${aheadMs > 0 ? "behind" : "ahead of"} that of ${address}`;
  const fix =
    "have both machines set their clocks by NTP (chronyd, systemd-timesyncd; timedatectl shows it): tokens and certificates of registries " +
    "are not valid for a clock that is minutes off";
  return amiss(id, off < BAD_SKEW_MS ? "warning" : "error", text, fix);
}

async function sizeCheck(address: string, session: ClientHttp2Session, today: () => number): Promise<Finding> {
  const id = "network.mtu";
  const link = await linkOf(session.socket.localAddress);
  const large = await ask(session, randomBytes(LARGE_BYTES / 2).toString("hex"), today);
  if (large === undefined) {
    const fix =
      "small packets come through and large ones do not: set the MTU of the network plug-in below that of the nodes' network (tunnels take " +
      "50 bytes and more), or let ICMP 'fragmentation needed' through the firewall";
    return amiss(id, "error", `${address} answers what is small, and nothing that fills a packet${link.text}`, fix);
  }
  const text = `packets of full size come to ${address} and back${link.text}`;
  if (link.mtu === undefined || link.mtu >= LEAST_MTU) return well(id, text);
  return amiss(id, "warning", text, `an MTU below ${String(LEAST_MTU)} is no network that IPv6 allows, and costs throughput: raise it`);
}

/** Asks for a method that is none; what came back, undefined where nothing did in time. */
function ask(session: ClientHttp2Session, name: string, today: () => number): Promise<Told | undefined> {
  const { promise, resolve } = Promise.withResolvers<Told | undefined>();
  const began = today();
  const request = session.request({
    [constants.HTTP2_HEADER_METHOD]: "POST",
    [constants.HTTP2_HEADER_PATH]: `/darner.doctor/${name}`,
    [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc",
    te: "trailers",
  });
  request.setTimeout(ANSWER_MS, () => {
    request.close(constants.NGHTTP2_CANCEL);
  });
  request.once("response", (headers) => {
    // In the middle between question and answer.
    const here = (began + today()) / 2;
    resolve({ headers, aheadMs: new Date(headers.date ?? here).getTime() - here });
    request.close();
  });
  request.once("error", () => {
    resolve(undefined);
  });
  request.once("close", () => {
    resolve(undefined);
  });
  request.end();
  return promise;
}

/** The interface that an address is of. */
async function linkOf(address: string | undefined): Promise<{ readonly mtu: number | undefined; readonly text: string }> {
  const [name] = Object.entries(networkInterfaces()).find(([, own]) => own?.some((one) => one.address === address)) ?? [];
  if (name === undefined) return { mtu: undefined, text: "" };
  const mtu = Number(await readFile(`/sys/class/net/${name}/mtu`, "utf8").catch(() => "NaN"));
  return Number.isFinite(mtu) ? { mtu, text: `, over ${name} with an MTU of ${String(mtu)}` } : { mtu: undefined, text: `, over ${name}` };
}
