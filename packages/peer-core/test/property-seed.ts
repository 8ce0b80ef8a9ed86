/** The seed of a property: printed, so that a failure can be run again with `DARNER_SEED`. */
export function propertySeed(): number {
  const given = process.env["DARNER_SEED"];
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  console.log(`seed ${String(seed)}`);
  return seed;
}
