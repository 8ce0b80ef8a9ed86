/** What of fflate is used. */
export type UnzipOptions = { readonly filter: (file: { readonly name: string }) => boolean };

/** Files by name. */
export type Unzipped = Readonly<Record<string, Uint8Array | undefined>>;
