import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { classifyAddress, type AddressClass } from "./address.ts";

const cases: Record<AddressClass, string[]> = {
  public: [
    "1.1.1.1",
    "8.8.8.8",
    "172.15.0.1",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "223.255.255.255",
    "2606:4700::1111",
    "::ffff:1.1.1.1",
    "64:ff9b::8.8.8.8",
  ],
  private: [
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.127.255.255",
    "198.18.0.1",
    "fc00::1",
    "fd12:3456::1",
    "::ffff:10.0.0.1",
    "::ffff:a00:1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
  ],
  loopback: [
    "127.0.0.1",
    "127.255.255.255",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "0:0:0:0:0:ffff:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "2002:7f00:1::",
  ],
  forbidden: [
    "0.0.0.0",
    "169.254.169.254",
    "169.254.0.1",
    "100.100.100.200",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "168.63.129.16",
    "::ffff:168.63.129.16",
    "fd20:ce::254",
    "2001:20::1",
    "3fff::1",
    "fec0::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
    "::169.254.169.254",
    "::7f00:1",
    "2001::1",
    "2001:db8::1",
    "64:ff9b:1::1",
    "",
    "nonsense",
    "localhost",
    "1.2.3",
    "0x7f.1",
    "2130706433",
  ],
};

for (const [kind, addresses] of Object.entries(cases)) {
  test(`${kind}: ${addresses.slice(0, 3).join(", ")} and others`, () => {
    for (const address of addresses) assert.equal(classifyAddress(address), kind, address);
  });
}

test("an IPv4 address inside an IPv6 one is as good as the IPv4 address itself, however it is written", () => {
  fc.assert(
    fc.property(fc.ipV4(), (v4) => {
      const [a = 0, b = 0, c = 0, d = 0] = v4.split(".").map(Number);
      const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
      for (const v6 of [`::ffff:${v4}`, `::ffff:${hex}`, `0:0:0:0:0:ffff:${hex}`, `64:ff9b::${hex}`, `2002:${hex}::1`]) {
        assert.equal(classifyAddress(v6), classifyAddress(v4), v6);
      }
    }),
  );
});

test("whatever comes in is classified, and only addresses are ever public", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.ipV6(), fc.ipV4Extended()), (text) => {
      const kind = classifyAddress(text);
      assert.ok(Object.hasOwn(cases, kind));
    }),
  );
});
