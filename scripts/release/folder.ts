import {
  chmodSync,
  copyFileSync,
  cpSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  lstatSync,
} from "node:fs";
import { dirname, join } from "node:path";

/** A folder that becomes a package or a layer: files are put in by their path there, with the mode they have. */
export class Folder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
    mkdirSync(path, { recursive: true, mode: 0o755 });
  }

  /** Copies a file. */
  copy(from: string, to: string, mode: number): void {
    copyFileSync(from, this.#place(to));
    chmodSync(join(this.path, to), mode);
  }

  /** Writes a text. */
  write(to: string, text: string | Buffer, mode = 0o644): void {
    writeFileSync(this.#place(to), text);
    chmodSync(join(this.path, to), mode);
  }

  /** Makes a symbolic link that says `target`. */
  link(to: string, target: string): void {
    symlinkSync(target, this.#place(to));
  }

  /** Copies a folder with everything in it. */
  tree(from: string, to: string): void {
    cpSync(from, this.#place(to), { recursive: true });
  }

  /** Makes an empty folder. */
  folder(to: string, mode = 0o755): void {
    mkdirSync(join(this.path, to), { recursive: true });
    chmodSync(join(this.path, to), mode);
  }

  /** Puts a bundle into a folder, and the words that start it into its `main.js`. */
  bundle(from: string, to: string, interpreter: string): void {
    cpSync(from, this.#place(to), { recursive: true });
    const main = join(this.path, to, "main.js");
    writeFileSync(main, readFileSync(main, "utf8").replace(/^#!.*/, `#!${interpreter}`));
    chmodSync(main, 0o755);
  }

  /** Gives everything the same time, so that what is made of it tomorrow is the same as today, and the modes that everybody's umask would give. */
  settle(epoch: number): void {
    for (const name of ["", ...readdirSync(this.path, { recursive: true, encoding: "utf8" })]) {
      const path = join(this.path, name);
      const stat = lstatSync(path);
      if (stat.isSymbolicLink()) {
        lutimesSync(path, epoch, epoch);
        continue;
      }
      if (stat.isDirectory()) chmodSync(path, stat.mode & 0o1000 ? 0o1777 : 0o755);
      else chmodSync(path, stat.mode & 0o100 ? 0o755 : 0o644);
      utimesSync(path, epoch, epoch);
    }
  }

  #place(to: string): string {
    const path = join(this.path, to);
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    return path;
  }
}
