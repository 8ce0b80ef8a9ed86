/** The version of this Darner, the same in every package.json of the repository. */
export const VERSION = "0.1.0";
