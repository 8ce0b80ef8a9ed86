/** One running daemon: the fingerprint of its Ed25519 key, written as libp2p writes a peer id (`12D3KooW…`). */
export type HostId = string & { readonly __hostId: true };

// base58btc of an identity multihash of an Ed25519 public key: always this prefix, 52 characters in all.
const GRAMMAR = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/;

/** Reads a host id; undefined where the text is none. */
export function parseHostId(text: string): HostId | undefined {
  return GRAMMAR.test(text) ? (text as HostId) : undefined;
}

/** A host id that the caller knows to be one (made by the key itself, or a name in a test or simulation). */
export function hostIdOf(text: string): HostId {
  return text as HostId;
}
