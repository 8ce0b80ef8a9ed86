import { open, type FileHandle } from "node:fs/promises";
import { promisify } from "node:util";
import { inflateRaw } from "node:zlib";

const inflate = promisify(inflateRaw);

// Signatures and sizes of the format's records (APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16).
const END = 0x06054b50;
const END_BYTES = 22;
const ENTRY = 0x02014b50;
const ENTRY_BYTES = 46;
const HEADER_BYTES = 30;
const DEFLATED = 8;
// The comment at the end is at most this long; the end record is somewhere in front of it.
const MAX_COMMENT = 65_535;

/** One file out of a ZIP archive; rejects where it is not in there. Neither unzip nor Python need be on the machine. */
export async function fileInZip(archive: string, name: string): Promise<Buffer> {
  await using file = await open(archive);
  const directory = await directoryOf(file);
  for (let at = 0; at + ENTRY_BYTES <= directory.length && directory.readUInt32LE(at) === ENTRY; ) {
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((offset) => directory.readUInt16LE(at + offset)) as [number, number, number];
    const found = directory.toString("utf8", at + ENTRY_BYTES, at + ENTRY_BYTES + nameBytes);
    if (found === name) return await content(file, directory.subarray(at));
    at += ENTRY_BYTES + nameBytes + extraBytes + commentBytes;
  }
  throw new Error(`${archive} holds no ${name}`);
}

async function directoryOf(file: FileHandle): Promise<Buffer> {
  const { size } = await file.stat();
  const tail = await read(file, Math.max(0, size - END_BYTES - MAX_COMMENT), Math.min(size, END_BYTES + MAX_COMMENT));
  for (let at = tail.length - END_BYTES; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) === END) return read(file, tail.readUInt32LE(at + 16), tail.readUInt32LE(at + 12));
  }
  throw new Error("no ZIP archive");
}

async function content(file: FileHandle, entry: Buffer): Promise<Buffer> {
  const [method, packed, at] = [entry.readUInt16LE(10), entry.readUInt32LE(20), entry.readUInt32LE(42)];
  const header = await read(file, at, HEADER_BYTES);
  const start = at + HEADER_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
  const bytes = await read(file, start, packed);
  return method === DEFLATED ? inflate(bytes) : bytes;
}

async function read(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
  if (bytesRead < length) throw new Error("the archive ends early");
  return buffer;
}
