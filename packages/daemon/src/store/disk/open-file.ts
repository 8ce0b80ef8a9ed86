import { close, fdatasync, ftruncate, open, read, writev } from "node:fs";
import { unlink } from "node:fs/promises";

import { StoreError } from "../store-error.ts";

/** One file that is opened when it is first used and closed when nobody needs it and nothing is under way. */
export class OpenFile {
  #path: string;
  #fd: Promise<number> | undefined;
  #under = 0;
  #wanted = true;

  /** A file that is there already; touches nothing before it is used. */
  constructor(path: string, fd?: number) {
    this.#path = path;
    if (fd !== undefined) this.#fd = Promise.resolve(fd);
  }

  /** Makes a file that must not be there yet, `bytes` long and without content; it stays open until `rest`. */
  static async create(path: string, bytes: number): Promise<OpenFile> {
    const fd = await new Promise<number>((resolve, reject) => open(path, "wx+", settle(resolve, reject)));
    const file = new OpenFile(path, fd);
    if (bytes === 0) return file;
    try {
      await file.#use((opened) => new Promise<void>((resolve, reject) => ftruncate(opened, bytes, settle(resolve, reject))));
      return file;
    } catch (error) {
      file.rest();
      await unlink(path);
      throw error;
    }
  }

  get path(): string {
    return this.#path;
  }

  /** The file has another name now. */
  moved(path: string): void {
    this.#path = path;
  }

  /** Writes all of `buffers`, one after the other, at `position`. */
  write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    return this.#use((fd) => writeAll(fd, buffers, position));
  }

  /** Fills `into` from `position`; a file that ends before that is not the one it should be. */
  read(position: number, into: Uint8Array): Promise<void> {
    return this.#use(async (fd) => {
      for (let done = 0; done < into.length;) {
        const got = await readSome(fd, into.subarray(done), position + done);
        if (got === 0) throw new StoreError({ code: "blob-missing" }, `${this.#path} ends at ${String(position + done)}, too early`);
        done += got;
      }
    });
  }

  /** Waits until the bytes survive a power cut. */
  sync(): Promise<void> {
    return this.#use((fd) => new Promise((resolve, reject) => fdatasync(fd, settle(resolve, reject))));
  }

  /** Nobody needs the file now; it is closed when what is under way has ended, and opened again when somebody uses it. */
  rest(): void {
    this.#wanted = false;
    this.#closeIfIdle();
  }

  async #use<T>(work: (fd: number) => Promise<T>): Promise<T> {
    this.#under += 1;
    this.#wanted = true;
    try {
      return await work(await this.#opened());
    } finally {
      this.#under -= 1;
      this.#closeIfIdle();
    }
  }

  #opened(): Promise<number> {
    this.#fd ??= new Promise<number>((resolve, reject) => open(this.#path, "r+", settle(resolve, reject))).catch((error: unknown) => {
      this.#fd = undefined;
      throw error;
    });
    return this.#fd;
  }

  #closeIfIdle(): void {
    if (this.#under > 0 || this.#wanted || this.#fd === undefined) return;
    // What a close could still report is known already: a write that failed, or a sync that was asked for.
    void this.#fd.then((fd) => close(fd, () => undefined));
    this.#fd = undefined;
  }
}

async function writeAll(fd: number, buffers: readonly Uint8Array[], position: number): Promise<void> {
  let rest = buffers.filter(({ length }) => length > 0);
  let at = position;
  while (rest.length > 0) {
    const wrote = await writeSome(fd, rest, at);
    at += wrote;
    rest = withoutFirst(rest, wrote);
  }
}

/** What is left of `buffers` when their first `bytes` bytes are gone. */
function withoutFirst(buffers: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  const rest: Uint8Array[] = [];
  for (const buffer of buffers) {
    if (skip < buffer.length) rest.push(skip === 0 ? buffer : buffer.subarray(skip));
    skip = Math.max(0, skip - buffer.length);
  }
  return rest;
}

function writeSome(fd: number, buffers: readonly Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => writev(fd, buffers, position, settle(resolve, reject)));
}

function readSome(fd: number, into: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => read(fd, into, 0, into.length, position, settle(resolve, reject)));
}

function settle<T>(resolve: (value: T) => void, reject: (error: Error) => void): (error: Error | null, value?: T) => void {
  return (error, value) => {
    if (error === null) resolve(value as T);
    else reject(error);
  };
}
