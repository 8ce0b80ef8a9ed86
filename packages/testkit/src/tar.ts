const BLOCK = 512;

/** A tar archive (POSIX ustar) of one regular file, byte for byte the same for the same input. */
export function tarOf(name: string, content: Uint8Array): Uint8Array {
  const padded = Math.ceil(content.length / BLOCK) * BLOCK;
  // Two zero blocks end an archive.
  const tar = new Uint8Array(BLOCK + padded + 2 * BLOCK);
  const header = tar.subarray(0, BLOCK);
  const write = (at: number, text: string): void => {
    header.set(new TextEncoder().encode(text), at);
  };
  const octal = (value: number, width: number): string => value.toString(8).padStart(width - 1, "0");
  write(0, name.slice(0, 99));
  write(100, octal(0o644, 8));
  write(108, octal(0, 8));
  write(116, octal(0, 8));
  write(124, octal(content.length, 12));
  write(136, octal(0, 12));
  write(148, " ".repeat(8));
  write(156, "0");
  write(257, "ustar");
  write(263, "00");
  const checksum = header.reduce((sum, byte) => sum + byte, 0);
  write(148, `${octal(checksum, 7)}\0 `);
  tar.set(content, BLOCK);
  return tar;
}
