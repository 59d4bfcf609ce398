// Client of the Sagabase event store. Start with `connect`.

export { Client, connect } from "./client.js";
export {
  ConditionFailed,
  InvalidRequest,
  LimitExceeded,
  NewerSnapshot,
  NoState,
  PartlyStored,
  RevisionNotFound,
  SagabaseError,
  SagaNotFound,
  SnapshotNotFound,
  StreamNotFound,
  TimedOut,
  Unavailable,
  UpcasterFailed,
  WrongRevision,
} from "./errors.js";
export { ANY, END, Event, NO_STREAM, RecordedEvent, START, STREAM_EXISTS } from "./events.js";
export { Done, Ongoing, Participant, Refused } from "./participant.js";
export { Reducers } from "./reducers.js";
export { Sagas } from "./sagas.js";
export { AppendSession } from "./session.js";
export { DueStreams, Loaded, Snapshot, Snapshots } from "./snapshots.js";
export { CaughtUp, Checkpoint, FellBehind, Subscription } from "./subscription.js";
