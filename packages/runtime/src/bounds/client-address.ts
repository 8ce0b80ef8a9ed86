import { isIP } from "node:net";

/** Whether an address of a socket is this very machine's. */
export function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.") || address.startsWith("::ffff:127.");
}

/**
 * Whom an address stands for when clients are counted: an IPv4 address itself, of an IPv6 address its network of 64 bits, of which
 * one machine has as many addresses as it likes.
 */
export function clientOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=[0-9.]+$)/, "");
  if (isIP(plain) !== 6) return plain;
  const [head = "", tail] = plain.replace(/%.*$/, "").split("::", 2);
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const gap = tail === undefined ? 0 : 8 - first.length - last.length;
  const groups = [...first, ...Array.from({ length: Math.max(0, gap) }, () => "0"), ...last];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}
