/** How near two zones are: the number of leading parts they share (`eu-1/rack-7` and `eu-1/rack-9`: 1). */
export function nearness(left: string, right: string): number {
  if (left === right) return Number.MAX_SAFE_INTEGER;
  const ours = left.split("/");
  const theirs = right.split("/");
  const differs = ours.findIndex((part, index) => part !== theirs[index]);
  return differs < 0 ? ours.length : differs;
}
