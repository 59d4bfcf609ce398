// What can go wrong, one class for each thing that a program would do about it.

import { status as codes } from "@grpc/grpc-js";

import { Status } from "../generated/google/rpc/status.js";
import { ConditionConflict, RevisionConflict } from "../generated/sagabase/v1/event_store.js";
import { stateName } from "./events.js";

/** Any answer of the server that is not the wished one. `code` is the gRPC status code. */
export class SagabaseError extends Error {
  constructor(code, message) {
    super(message);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A stream is not in the expected state: read again, decide again. `expected` and `actual` are
 * a revision or the name of a state. */
export class WrongRevision extends SagabaseError {
  constructor(message, stream, expected, actual) {
    super(codes.ABORTED, message);
    this.stream = stream;
    this.expected = expected;
    this.actual = actual;
  }
}

/** An event that the append's condition forbids is there: read again, decide again. `position` is
 * that of one such event. */
export class ConditionFailed extends SagabaseError {
  constructor(message, position) {
    super(codes.ABORTED, message);
    this.position = position;
  }
}

/** The request is wrong whatever the store holds; the message names field and rule. */
export class InvalidRequest extends SagabaseError {}

/** There is no such stream. */
export class StreamNotFound extends SagabaseError {}

/** There is no such saga, or no such type of sagas. */
export class SagaNotFound extends SagabaseError {}

/** There is no such stream, or it has no such snapshot. */
export class SnapshotNotFound extends SagabaseError {}

/** The stream has a newer snapshot than the one that was put, or than it was to replace. */
export class NewerSnapshot extends SagabaseError {}

/** The stream has no such revision. */
export class RevisionNotFound extends SagabaseError {}

/** The stream's category has no reducer, or it is disabled, or it fails at this stream; the message
 * tells where. */
export class NoState extends SagabaseError {}

/** A read that shows events in their newest form met an upcaster that fails or is disabled. */
export class UpcasterFailed extends SagabaseError {}

/** Only part of the append was stored before, so it is no repetition: an id was used twice. */
export class PartlyStored extends SagabaseError {}

/** A limit was hit; the message names it. */
export class LimitExceeded extends SagabaseError {}

/** The server could not be reached, or ended while it worked on the call. The outcome of an append
 * is unknown: appending the same Event objects again is safe. */
export class Unavailable extends SagabaseError {}

/** No answer came in time. As with Unavailable, the outcome of an append is unknown. */
export class TimedOut extends Unavailable {}

const CLASSES = new Map([
  [codes.INVALID_ARGUMENT, InvalidRequest],
  [codes.NOT_FOUND, StreamNotFound],
  [codes.ALREADY_EXISTS, PartlyStored],
  [codes.OUT_OF_RANGE, RevisionNotFound],
  [codes.RESOURCE_EXHAUSTED, LimitExceeded],
  [codes.UNAVAILABLE, Unavailable],
  [codes.DEADLINE_EXCEEDED, TimedOut],
]);

function either(oneof) {
  const value = oneof[oneof.oneofKind];
  return oneof.oneofKind.endsWith("State") ? stateName(value) : value;
}

function conflictsOf(error) {
  const [bytes] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (!bytes) return {};
  const { details } = Status.fromBinary(bytes);
  const find = (type) => {
    const detail = details.find((any) => any.typeUrl.endsWith(`/${type.typeName}`));
    return detail && type.fromBinary(detail.value);
  };
  return { conflict: find(RevisionConflict), condition: find(ConditionConflict) };
}

function typed(code, message, { conflict, condition }) {
  if (condition) return new ConditionFailed(message, condition.position);
  if (conflict)
    return new WrongRevision(message, conflict.stream, either(conflict.expected), either(conflict.actual));
  return new (CLASSES.get(code) ?? SagabaseError)(code, message);
}

/** Of a call that we have not cancelled: CANCELLED is how gRPC's core resets one that arrives in the
 * very moment in which its server ends. Errors that are not the server's stay what they are. */
export function errorOfCall(error) {
  if (error instanceof SagabaseError || typeof error.code !== "number") return error;
  const code = error.code === codes.CANCELLED ? codes.UNAVAILABLE : error.code;
  return typed(code, error.details ?? error.message, conflictsOf(error));
}

/** Of a call that its own client ended. */
export function closed() {
  return new SagabaseError(codes.CANCELLED, "the client is closed");
}

/** A call; undefined: it could not be started, and has ended with that. */
export function begun(start, ended) {
  try {
    return start();
  } catch (error) {
    ended(error);
    return undefined;
  }
}

function meant(kind, code, error) {
  return error instanceof SagabaseError && error.code === code ? new kind(code, error.message) : error;
}

/** Of a read that may show events in their newest form. */
export function errorOfRead(error, upcast) {
  const told = errorOfCall(error);
  return upcast ? meant(UpcasterFailed, codes.FAILED_PRECONDITION, told) : told;
}

/** What this code means where it stands. */
export async function toldAs(kind, code, answer) {
  try {
    return await answer;
  } catch (error) {
    throw meant(kind, code, error);
  }
}

/** Of one append of a session. */
export function errorOfFailure(failure) {
  return typed(failure.code, failure.message, failure);
}
