import { generateKeyPairSync, sign } from "node:crypto";

/** A private key and the certificate made with it, both PEM. */
export type SelfSigned = { readonly key: string; readonly cert: string };

// DER tags and object identifiers (RFC 5280, RFC 5480), written out as bytes.
const SEQUENCE = 0x30;
const SET = 0x31;
const OID_ECDSA_SHA256 = Buffer.from("06082a8648ce3d040302", "hex");
const OID_COMMON_NAME = Buffer.from("0603550403", "hex");
const OID_BASIC_CONSTRAINTS = Buffer.from("0603551d13", "hex");
const OID_SUBJECT_ALT_NAME = Buffer.from("0603551d11", "hex");

/** Makes a certificate that is its own authority, for 127.0.0.1, localhost and the names given, good until 2049 or the time given. Node has nothing for it, and openssl may not be there. */
export function selfSigned(names: readonly string[] = [], until: Date = new Date("2049-12-31T23:59:59Z")): SelfSigned {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, OID_COMMON_NAME, text(0x0c, "darner test"))));
  const algorithm = der(SEQUENCE, OID_ECDSA_SHA256);
  const body = der(
    SEQUENCE,
    der(0xa0, integer(2)),
    integer(1),
    algorithm,
    name,
    der(SEQUENCE, text(0x17, "200101000000Z"), text(0x17, utcTime(until))),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, der(SEQUENCE, authority(), alternativeNames(["localhost", ...names]))),
  );
  const signature = der(0x03, Buffer.from([0]), sign("sha256", body, privateKey));
  const cert = der(SEQUENCE, body, algorithm, signature).toString("base64");
  const lines = cert.match(/.{1,64}/g) ?? [];
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
  };
}

/** As ASN.1 writes a time, with two digits of the year. */
function utcTime(at: Date): string {
  return `${at.toISOString().slice(2, 19).replaceAll(/[-:T]/g, "")}Z`;
}

function authority(): Buffer {
  const isAuthority = der(SEQUENCE, Buffer.from([0x01, 0x01, 0xff]));
  return der(SEQUENCE, OID_BASIC_CONSTRAINTS, Buffer.from([0x01, 0x01, 0xff]), der(0x04, isAuthority));
}

function alternativeNames(names: readonly string[]): Buffer {
  const address = der(0x87, Buffer.from([127, 0, 0, 1]));
  return der(SEQUENCE, OID_SUBJECT_ALT_NAME, der(0x04, der(SEQUENCE, address, ...names.map((name) => text(0x82, name)))));
}

function integer(value: number): Buffer {
  return der(0x02, Buffer.from([value]));
}

function text(tag: number, value: string): Buffer {
  return der(tag, Buffer.from(value, "ascii"));
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
