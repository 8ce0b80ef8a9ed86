import { isTag, parseDigest } from "@darner/domain";
import type { ImageReference } from "@darner/preheat";
import { isObject, member, textMember, type JsonObject } from "./json-body.ts";
import { readManifestUrl } from "./manifest-url.ts";
import { refused, shown, taken, type Read } from "./problem.ts";

// distribution sends one event a request by default, and at most some hundred.
const MAX_EVENTS = 1000;
// What Kraken and Harbor call a manifest; anything else that was pushed is a blob or a referrer's subject.
const MANIFEST_TYPE = /manifest|image\.index/i;

/**
 * Reads `POST /registry/notifications`: Harbor's Kraken form and a genuine registry notification, whose keys differ in case only
 * (contracts/harbor-preheat.md 1.7). Gives the images that were pushed; events of other kinds are none. The media type is not believed:
 * Harbor says docker schema 2 whatever it is.
 */
export function readNotification(body: unknown): Read<readonly ImageReference[]> {
  if (!isObject(body)) return refused("the body has to be a JSON object", 400);
  const events = member(body, "events");
  if (!Array.isArray(events)) return refused("events has to be a list", 400);
  if (events.length > MAX_EVENTS) return refused(`more than ${String(MAX_EVENTS)} events in one notification`);
  const images: ImageReference[] = [];
  for (const event of events as unknown[]) {
    const image = readEvent(event);
    if (!image.ok) return image;
    if (image.value !== undefined) images.push(image.value);
  }
  return taken(images);
}

function readEvent(event: unknown): Read<ImageReference | undefined> {
  if (!isObject(event)) return refused("an event has to be an object", 400);
  const target = member(event, "target");
  if (textMember(event, "action") !== "push" || !isObject(target)) return taken(undefined);
  if (!MANIFEST_TYPE.test(textMember(target, "mediaType") ?? "")) return taken(undefined);
  return readTarget(event, target);
}

function readTarget(event: JsonObject, target: JsonObject): Read<ImageReference | undefined> {
  const url = textMember(target, "url") ?? "";
  const digest = parseDigest(textMember(target, "digest") ?? "");
  const tag = textMember(target, "tag") ?? "";
  const image = readManifestUrl(url === "" ? urlFrom(event, target, digest.ok ? digest.digest : tag) : url);
  if (!image.ok) return refused(`target.url: ${image.message.replace("args.url ", "")}`, 400);
  if (tag !== "" && !isTag(tag)) return refused(`target.tag names ${shown(tag)}, which is no tag`, 400);
  const { repository, scheme } = image.value;
  const named = tag === "" ? (image.value.tag === undefined ? {} : { tag: image.value.tag }) : { tag };
  const pinned = digest.ok && digest.known ? { digest: digest.digest } : {};
  return taken({ repository, ...(scheme === undefined ? {} : { scheme }), ...named, ...pinned });
}

/** A notification without a URL names the registry in its request. */
function urlFrom(event: JsonObject, target: JsonObject, reference: string): string {
  const request = member(event, "request");
  const host = isObject(request) ? (textMember(request, "host") ?? "") : "";
  return `https://${host}/v2/${textMember(target, "repository") ?? ""}/manifests/${reference}`;
}
