// distribution-spec: all warnings of a response together at most 4096 bytes.
const MAX_WARNING_BYTES = 4096;

/** Whether Node will put this text into a header: anything else in an upstream's answer would make writing the head throw. */
export function isHeaderValue(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}

/** A media type without its parameters, as a client compares it; bytes of an unknown type where it is none (contract 1.3). */
export function bareMediaType(mediaType: string): string {
  const bare = mediaType.split(";", 1)[0]?.trim() ?? "";
  return /^[\w!#$&^.+*-]+\/[\w!#$&^.+*-]+$/.test(bare) ? bare : "application/octet-stream";
}

/** Warning headers to pass on, as many as the spec allows (contract 1.14). */
export function relayableWarnings(warnings: readonly string[]): string[] {
  let left = MAX_WARNING_BYTES;
  return warnings.filter((warning) => {
    if (!isHeaderValue(warning) || warning.length > left) return false;
    left -= warning.length;
    return true;
  });
}

// One header may hold several challenges (RFC 9110 11.6.1); what a quoted text happens to say costs at most a way round the mirror.
const ASKS_PASSWORD = /(?:^|,)\s*basic(?:\s|$)/i;

/** Challenges to pass on, as they came; `withheld` where all of them ask for a password and the line is neither encrypted nor local. */
export function relayableChallenges(challenges: readonly string[], isLoopback: boolean): string[] | "withheld" {
  const usable = challenges.filter(isHeaderValue);
  const relayed = isLoopback ? usable : usable.filter((challenge) => !ASKS_PASSWORD.test(challenge));
  return relayed.length === 0 && usable.length > 0 ? "withheld" : relayed;
}
