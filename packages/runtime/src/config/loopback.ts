import { BlockList, isIP } from "node:net";
import { parseListen } from "../listen-address.ts";

// RFC 1122, 3.2.1.3, and RFC 4291, 2.5.3; IPv4 in IPv6 is recognised by the list itself.
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** Whether only this machine reaches `host:port`. A name counts as loopback only where it is `localhost`. */
export function isLoopback(address: string): boolean {
  const host = parseListen(address)?.host ?? "";
  const family = isIP(host);
  return family === 0 ? host === "localhost" : LOOPBACK.check(host, family === 4 ? "ipv4" : "ipv6");
}
