import { blake3 as hashOf, Blake3Hasher } from "@napi-rs/blake-hash";

/** BLAKE3 (256 bits) of bytes that come in parts. */
export class Blake3 {
  readonly #hasher = new Blake3Hasher();

  update(bytes: Uint8Array): this {
    this.#hasher.update(bufferOf(bytes));
    return this;
  }

  /** The 32 bytes of the hash of all so far. */
  digestBuffer(): Buffer {
    return this.#hasher.digestBuffer();
  }
}

/** BLAKE3 (256 bits) of bytes: 32 bytes. */
export function blake3(bytes: Uint8Array): Buffer {
  return hashOf(bufferOf(bytes));
}

// The native code reads the bytes where they are: a view costs nothing.
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
