import { writeSync } from "node:fs";
import { open, rename, stat, type FileHandle } from "node:fs/promises";
import { StartError, type Logger } from "@darner/runtime";
import type { JournalEnd, JournalHeader } from "./journal-line.ts";

/** Where a journal is written, and how large it may become. */
export type JournalConfig = { readonly file: string; readonly maxBytes: number };

// What waits for the disk: a second of the busiest scheduler measured. A disk that is behind by more ends the journal, never the scheduler.
const MAX_WAITING_BYTES = 32 * 1024 * 1024;

/**
 * A file of lines that is written behind the scheduler's back: appending never waits and never throws. A journal with a gap could not be
 * replayed, so it ends for good, saying so once, where the file is full, the disk is too slow or a write fails. The states: `open` → `over`.
 */
export class JournalFile implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #config: JournalConfig;
  readonly #log: Logger;
  // Bounded by MAX_WAITING_BYTES.
  #waiting: string[] = [];
  #waitingBytes = 0;
  #bytes = 0;
  #written = 0;
  #over = false;
  #writing: Promise<void> | undefined;

  constructor(handle: FileHandle, config: JournalConfig, log: Logger) {
    this.#handle = handle;
    this.#config = config;
    this.#log = log;
  }

  /** Whether lines are still taken. */
  get isOpen(): boolean {
    return !this.#over;
  }

  /** Takes whole lines. */
  append(lines: string): void {
    if (this.#over) return;
    const bytes = Buffer.byteLength(lines);
    if (this.#bytes + bytes > this.#config.maxBytes) this.#endWith("full", "journal is full, events are no longer recorded");
    else if (this.#waitingBytes + bytes > MAX_WAITING_BYTES)
      this.#endWith("slow-disk", "disk is too slow for the journal, events are no longer recorded");
    else this.#queue(lines, bytes);
  }

  /** Writes what waits before it returns: the process is about to end. */
  appendNow(lines: string): void {
    this.append(lines);
    const bytes = Buffer.from(this.#takeWaiting());
    try {
      writeSync(this.#handle.fd, bytes, 0, bytes.length, this.#written);
    } catch (error) {
      this.#log.error("journal could not be written", { error });
    }
    this.#written += bytes.length;
  }

  /** Writes what waits and the last line, and closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#over) this.#queue(lastLine("closed"), 0);
    this.#over = true;
    await this.#writing;
    await this.#handle.close();
  }

  #endWith(end: JournalEnd, message: string): void {
    this.#log.warn(message, { file: this.#config.file, bytes: this.#bytes, maxBytes: this.#config.maxBytes });
    this.#queue(lastLine(end), 0);
    this.#over = true;
  }

  #queue(lines: string, bytes: number): void {
    this.#waiting.push(lines);
    this.#waitingBytes += bytes;
    this.#bytes += bytes;
    this.#writing ??= this.#writeAll();
  }

  #takeWaiting(): string {
    const text = this.#waiting.join("");
    this.#waiting = [];
    this.#waitingBytes = 0;
    return text;
  }

  async #writeAll(): Promise<void> {
    try {
      // Whatever else happens in this turn of the event loop goes in the same write.
      await new Promise(setImmediate);
      while (this.#waiting.length > 0) {
        const bytes = Buffer.from(this.#takeWaiting());
        const at = this.#written;
        this.#written += bytes.length;
        const { bytesWritten } = await this.#handle.write(bytes, 0, bytes.length, at);
        if (bytesWritten < bytes.length) throw new Error(`only ${String(bytesWritten)} of ${String(bytes.length)} bytes could be written`);
      }
    } catch (error) {
      this.#over = true;
      this.#waiting = [];
      this.#log.error("journal could not be written, events are no longer recorded", { file: this.#config.file, error });
    } finally {
      this.#writing = undefined;
    }
  }
}

function lastLine(end: JournalEnd): string {
  return `${JSON.stringify({ end })}\n`;
}

/**
 * Opens a journal; one that is there already (of a scheduler that died, perhaps) is kept as FILE.1 in place of an older one.
 * Rejects with `StartError` where the file cannot be written.
 */
export async function openJournalFile(config: JournalConfig, header: JournalHeader, log: Logger): Promise<JournalFile> {
  const { file } = config;
  try {
    const there = await stat(file).catch(() => undefined);
    if (there !== undefined && !there.isFile() && !there.isCharacterDevice()) throw new Error("it is no file");
    if (there?.isFile() === true && there.size > 0) await rename(file, `${file}.1`);
    // Host addresses and the digests that people pull are nobody else's business.
    const journal = new JournalFile(await open(file, "w", 0o600), config, log);
    journal.append(`${JSON.stringify(header)}\n`);
    return journal;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `the journal ${file} cannot be written: ${reason}. Set journal.file (--journal) to a file in a directory that exists and may be written.`;
    throw new StartError({ code: "file-unusable", path: file, key: "journal.file" }, message, { cause: error });
  }
}
