import { isIP } from "node:net";

/** What kind of network an address belongs to, as far as dialling it matters. */
export type AddressClass =
  /** Anywhere on the internet. */
  | "public"
  /** A private network (RFC 1918, unique local, carrier-grade NAT). */
  | "private"
  /** This machine. */
  | "loopback"
  /** Never to be dialled: link-local, cloud metadata, multicast, unspecified, reserved. */
  | "forbidden";

type Block = readonly [prefix: string, bits: number, kind: AddressClass];

// Metadata services that live inside other ranges come before the range (Alibaba, Azure; AWS and Google over IPv6).
const V4: readonly Block[] = [
  ["100.100.100.200", 32, "forbidden"],
  ["168.63.129.16", 32, "forbidden"],
  ["0.0.0.0", 8, "forbidden"],
  ["10.0.0.0", 8, "private"],
  ["100.64.0.0", 10, "private"],
  ["127.0.0.0", 8, "loopback"],
  ["169.254.0.0", 16, "forbidden"],
  ["172.16.0.0", 12, "private"],
  ["192.0.0.0", 24, "forbidden"],
  ["192.0.2.0", 24, "forbidden"],
  ["192.88.99.0", 24, "forbidden"],
  ["192.168.0.0", 16, "private"],
  ["198.18.0.0", 15, "private"],
  ["198.51.100.0", 24, "forbidden"],
  ["203.0.113.0", 24, "forbidden"],
  ["224.0.0.0", 3, "forbidden"],
];
const V6: readonly Block[] = [
  ["fd00:ec2::254", 128, "forbidden"],
  ["fd20:ce::254", 128, "forbidden"],
  ["::1", 128, "loopback"],
  ["fc00::", 7, "private"],
  ["2001::", 23, "forbidden"],
  ["2001:db8::", 32, "forbidden"],
  ["3fff::", 20, "forbidden"],
  ["2000::", 3, "public"],
];
// Ranges whose addresses carry an IPv4 address, at which byte: mapped, compatible, translated, NAT64 (also local use), 6to4.
const EMBEDDED: readonly (readonly [prefix: string, bits: number, at: number])[] = [
  ["::ffff:0:0", 96, 12],
  ["::ffff:0:0:0", 96, 12],
  ["64:ff9b::", 96, 12],
  ["2002::", 16, 2],
];

/** Sorts an address (without brackets or zone) into its class; what is no address is forbidden. */
export function classifyAddress(address: string): AddressClass {
  const plain = address.split("%")[0] ?? "";
  const family = isIP(plain);
  if (family === 0) return "forbidden";
  return family === 4 ? classifyBytes(v4Bytes(plain), V4, v4Bytes) : classifyV6(v6Bytes(plain));
}

function classifyV6(bytes: readonly number[]): AddressClass {
  for (const [prefix, bits, at] of EMBEDDED) {
    if (inside(bytes, v6Bytes(prefix), bits)) return classifyBytes(bytes.slice(at, at + 4), V4, v4Bytes);
  }
  return classifyBytes(bytes, V6, v6Bytes);
}

function classifyBytes(bytes: readonly number[], blocks: readonly Block[], parse: (text: string) => readonly number[]): AddressClass {
  const block = blocks.find(([prefix, bits]) => inside(bytes, parse(prefix), bits));
  // IPv4 is public unless a block says otherwise; of IPv6 only 2000::/3 is.
  return block?.[2] ?? (blocks === V4 ? "public" : "forbidden");
}

function inside(bytes: readonly number[], prefix: readonly number[], bits: number): boolean {
  for (let bit = 0; bit < bits; bit += 8) {
    const mask = bits - bit >= 8 ? 0xff : (0xff << (8 - (bits - bit))) & 0xff;
    if (((bytes[bit / 8] ?? 0) & mask) !== ((prefix[bit / 8] ?? 0) & mask)) return false;
  }
  return true;
}

function v4Bytes(text: string): number[] {
  return text.split(".").map(Number);
}

function v6Bytes(text: string): number[] {
  const [head = "", tail] = text.split("::");
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const gap = tail === undefined ? 0 : Math.max(0, 16 - before.length - after.length);
  return [...before, ...new Array<number>(gap).fill(0), ...after];
}

function groups(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return v4Bytes(group);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
