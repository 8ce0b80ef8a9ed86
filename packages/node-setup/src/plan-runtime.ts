import { findContainerd, type ContainerdHints } from "./containerd/find-containerd.ts";
import { planContainerd } from "./containerd/plan-containerd.ts";
import { planDocker } from "./docker-daemon.ts";
import type { NodeFiles } from "./node-files.ts";
import type { Plan, RuntimeName, Wish } from "./plan.ts";
import { planRegistriesConf } from "./registries-conf.ts";

/** Plans what a runtime of this node has to read so that it asks the mirror first. */
export async function planRuntime(files: NodeFiles, runtime: RuntimeName, wish: Wish, hints: ContainerdHints = {}): Promise<Plan> {
  switch (runtime) {
    case "containerd":
      return planContainerd(files, await findContainerd(files, hints), wish);
    case "crio":
    case "podman":
      return planRegistriesConf(files, wish, runtime);
    case "docker":
      return planDocker(files, wish);
  }
}
