import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, lstatSync, mkdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { imageConfigOf } from "./dockerfile.ts";
import { Folder } from "./folder.ts";
import { writeOciImage } from "./oci-image.ts";

/** What the stages of deploy/Dockerfile are replayed with. */
export type ReplayPlan = {
  readonly root: string;
  /** The folder that `npm run build` made. */
  readonly bundle: string;
  /** The program `node`. */
  readonly node: string;
  readonly version: string;
  readonly revision: string;
  readonly epoch: number;
  /** An empty folder for what is made on the way. */
  readonly work: string;
  /** The OCI layout directory that is written. */
  readonly layout: string;
  readonly compression: "gzip" | "none";
};

// What distroless' image for C++ programs has, by Debian's packages: the libraries that Node and the addons are linked against.
const BASE_PACKAGES = ["libc6", "libgcc-s1", "libstdc++6"];
const LIBRARY = /\/lib\/.*\.so(?:\.[0-9.]+)?$|\/ld-linux[^/]*$/;
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
const NOBODY = 65532;

/**
 * Makes the image where no container engine is: the same files and the same configuration as deploy/Dockerfile gives (its last stage is
 * read from the file), on a base of the libraries of this machine's Debian in place of distroless. For this kind of machine only.
 */
export function replayDockerfile(plan: ReplayPlan): { readonly digest: string } {
  const { root, work, epoch, version, revision } = plan;
  const base = new Folder(join(work, "base"));
  layBase(base);
  const node = new Folder(join(work, "node"));
  node.copy(plan.node, "usr/bin/node", 0o755);
  node.copy(join(root, "deploy/licences/node-24.21.0.txt"), "usr/share/doc/nodejs/LICENSE", 0o644);
  const program = new Folder(join(work, "program"));
  program.bundle(plan.bundle, "usr/lib/darner", "/usr/bin/node --disable-sigusr1");
  program.copy(join(root, "LICENSE"), "usr/lib/darner/LICENSE", 0o644);
  program.link("usr/bin/darner", "../lib/darner/main.js");
  // By root, all but the last folder, like `mkdir -p` and `chown` in the Dockerfile.
  program.folder("var/lib");
  const data = new Folder(join(work, "data"));
  for (const folder of [base, node, program]) folder.settle(epoch);
  data.folder("var/lib/darner", 0o700);
  const architecture = process.arch === "arm64" ? "arm64" : "amd64";
  return writeOciImage(plan.layout, {
    layers: [
      { folder: base.path, owner: 0, says: `libraries of ${debianVersion()} (replayed: no engine to pull the base image)` },
      { folder: node.path, owner: 0, says: "COPY --from=node" },
      { folder: program.path, owner: 0, says: "COPY --from=build /tree/ /" },
      { folder: join(data.path, "var/lib/darner"), owner: NOBODY, says: "the data directory, owned by the user of the image" },
    ],
    config: imageConfigOf(join(root, "deploy/Dockerfile"), { VERSION: version, REVISION: revision }),
    architecture,
    epoch,
    tag: version,
    compression: plan.compression,
  });
}

function layBase(base: Folder): void {
  for (const path of ["etc", "tmp", "var/lib", "usr/bin", "usr/lib", "proc", "sys", "dev", "run"]) base.folder(path);
  base.folder("tmp", 0o1777);
  for (const name of ["bin", "lib", "lib64"]) base.link(name, `usr/${name}`);
  const installed = execFileSync("dpkg-query", ["--listfiles", ...BASE_PACKAGES], { encoding: "utf8" }).split("\n");
  for (const path of installed.filter((each) => LIBRARY.test(each) && existsSync(each))) copyLibrary(base, path);
  if (existsSync(CERTIFICATES)) base.copy(CERTIFICATES, CERTIFICATES.slice(1), 0o644);
  base.write(
    "etc/passwd",
    `root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:${String(NOBODY)}:${String(NOBODY)}:nonroot:/home/nonroot:/sbin/nologin\n`,
  );
  base.write("etc/group", `root:x:0:\nnonroot:x:${String(NOBODY)}:\n`);
  base.write("etc/nsswitch.conf", "hosts: files dns\n");
}

/** A library under usr/, whichever of its two names the package gives it: /lib is a link to it. */
function copyLibrary(base: Folder, path: string): void {
  const to = join(base.path, "usr", path.replace(/^\/(?:usr\/)?/, ""));
  if (lstatSync(path).isDirectory()) return;
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(realpathSync(path), to);
}

function debianVersion(): string {
  const release = execFileSync("sh", ["-c", '. /etc/os-release; echo "$PRETTY_NAME"'], { encoding: "utf8" });
  return release.trim();
}
