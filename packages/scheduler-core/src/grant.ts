/** Names one grant, unique for the life of a scheduler; other schedulers' grants are told apart by their session. */
export type GrantId = number;
