import type { Command } from "../command.ts";

/** `darner harbor register`: makes this cluster a preheat provider of a Harbor. */
export const harborCommand: Command = {
  name: "harbor",
  summary: "Make this cluster a preheat provider of a Harbor.",
  usage: "harbor register --harbor URL --endpoint URL --credentials DIR --token-file FILE [--name NAME] [--ca FILE] [--insecure]",
  about:
    "Makes the provider instance in Harbor's distribution settings, or changes the one of that name where it differs; nothing else of it is touched. Tries for two minutes, since both may only just have started. Harbor keeps the token encrypted and never shows it.",
  flags: [
    { flag: "--harbor URL", help: "Harbor itself, as in https://harbor.corp." },
    { flag: "--endpoint URL", help: "Where Harbor reaches the scheduler's HTTP side, with its scheme." },
    { flag: "--credentials DIR", help: "A directory with the files username and password of a system administrator of Harbor." },
    { flag: "--token-file FILE", help: "A token of the scheduler's API for Harbor; the file's first line." },
    { flag: "--name NAME", help: "What the instance is called (default: darner)." },
    { flag: "--ca FILE", help: "The certificates to trust for Harbor, as PEM." },
    { flag: "--insecure", help: "Harbor does not check the certificate of the endpoint." },
  ],
  takesConfig: false,
  async run(context) {
    const { runHarbor } = await import("../cluster/run-harbor.ts");
    return runHarbor(context);
  },
};
