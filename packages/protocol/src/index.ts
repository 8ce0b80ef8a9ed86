export { readHostMessage, writeHostMessage } from "./host-message.ts";
export type {
  GrantFailureCode,
  Hello,
  Holding,
  HostMessage,
  HostReport,
  Join,
  JoinCredential,
  MembershipNews,
  SchedulerMessage,
  SchedulerOrder,
  TaskOrder,
  TaskReport,
  Welcome,
} from "./messages.ts";
export { MAX_FACTS_A_MESSAGE } from "./public-fact.ts";
export type { PublicFact } from "./public-fact.ts";
export { readSchedulerMessage, writeSchedulerMessage } from "./scheduler-message.ts";
export { loadSchedulerService, SESSION_CHANNEL_OPTIONS } from "./scheduler-service.ts";
export type { SchedulerStub, SessionStream } from "./scheduler-service.ts";
export { PinnedCredentials } from "./pinned-credentials.ts";
export { readSiblingAnswer, readSiblingAsk, writeSiblingAnswer, writeSiblingAsk } from "./sibling-message.ts";
export type { SiblingAnswer, SiblingAsk } from "./sibling-message.ts";
export { loadSiblingService } from "./sibling-service.ts";
export type { SiblingStream, SiblingStub } from "./sibling-service.ts";
export type { WarmContent, WarmOrder, WarmReport } from "./warm-message.ts";
export { WireError } from "./wire.ts";
export type { WireObject } from "./wire.ts";
export { encodePieceFrame, MAX_MEMBER_WORD_BYTES, MAX_RUN_PIECES, PIECE_CHANNEL_VERSION } from "./piece-frames.ts";
export type { PieceFrame, PieceFrameHearer, RefuseReason, Want } from "./piece-frames.ts";
export { feedPieceFrames, PieceFrameReader } from "./piece-frames-reader.ts";
export type { PieceFrameProblem, ReadPieceFrame } from "./piece-frames-reader.ts";
