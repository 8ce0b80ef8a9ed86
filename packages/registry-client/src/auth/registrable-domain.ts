// Suffixes under which strangers register names. Not the whole public suffix list: a suffix missing here would let a neighbour under
// the same suffix be named as realm, so the clouds where registries and storage live are listed, and short labels under a country
// code (`co.uk`) count as suffixes by their form. A registry that needs more names its realms in the configuration.
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

/**
 * The part of a host name that one owner registered, as well as it can be told without the public suffix list.
 * Undefined for what has none, and for names under a shared suffix, which have regions and accounts at depths of their own.
 */
export function registrableDomain(hostname: string): string | undefined {
  const labels = hostname.split(".");
  const [second = "", top = ""] = labels.slice(-2);
  if (labels.length < 2 || labels.includes("") || /^[0-9]+$/.test(top)) return undefined;
  if (labels.some((_, from) => SHARED.has(labels.slice(from).join(".")))) return undefined;
  const depth = top.length === 2 && GENERIC.has(second) ? 3 : 2;
  return labels.length < depth ? undefined : labels.slice(-depth).join(".");
}
