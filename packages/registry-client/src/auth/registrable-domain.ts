// Suffixes under which strangers register names. Not the whole public suffix list: a suffix missing here would let a neighbour under
// the same suffix be named as realm, so the clouds where registries and storage live are listed, and short labels under a country
// code count as suffixes by their form. A registry that needs more names its realms in the configuration.
const SHARED = new Set(
  [
    "amazonaws.com on.aws amazonaws.com.cn cloudfront.net elasticbeanstalk.com",
    "azurecr.io azurewebsites.net windows.net azure.com cloudapp.net azureedge.net azurefd.net trafficmanager.net",
    "appspot.com run.app web.app firebaseapp.com cloudfunctions.net googleapis.com pkg.dev gcr.io",
    "github.io githubusercontent.com gitlab.io bitbucket.io readthedocs.io",
    "pages.dev workers.dev r2.dev vercel.app netlify.app herokuapp.com fly.dev onrender.com railway.app deno.dev",
    "digitaloceanspaces.com ondigitalocean.app jfrog.io aliyuncs.com myqcloud.com myhuaweicloud.com oraclecloud.com",
    "ngrok.io ngrok.app ngrok-free.app nip.io sslip.io duckdns.org dyndns.org no-ip.org hopto.org",
  ]
    .join(" ")
    .split(" "),
);
const GENERIC = new Set("ac co com edu gob gov gv mil ne net nom or org sch".split(" "));

/** The part of a host name that one owner registered, as well as it can be told without the public suffix list; undefined for what has none. */
export function registrableDomain(hostname: string): string | undefined {
  const labels = hostname.split(".");
  if (labels.some((label) => label === "") || labels.length < 2 || /^[0-9]+$/.test(labels.at(-1) ?? "")) return undefined;
  for (let from = 1; from < labels.length; from += 1) {
    if (isSuffix(labels.slice(from))) return labels.slice(from - 1).join(".");
  }
  return undefined;
}

function isSuffix(labels: readonly string[]): boolean {
  if (labels.length === 1) return true;
  const [first = "", second = ""] = labels;
  return SHARED.has(labels.join(".")) || (labels.length === 2 && second.length === 2 && GENERIC.has(first));
}
