import type { ChannelCredentials, ChannelOptions } from "@grpc/grpc-js";

/** A state of a stream that does not name a revision. */
export type StreamState = "ANY" | "NO_STREAM" | "STREAM_EXISTS";
export const ANY: "ANY";
export const NO_STREAM: "NO_STREAM";
export const STREAM_EXISTS: "STREAM_EXISTS";

/** An end of a stream, or of the store. */
export type Edge = "START" | "END";
export const START: "START";
export const END: "END";

/** The revision of a stream's newest event, or a state. */
export type Expected = bigint | number | StreamState;

/** A revision or a position, an end, or a time: the first event taken in at or after it. */
export type Place = bigint | number | Edge | Date;

/** How often and when a call is repeated that is UNAVAILABLE or has no answer in time. */
export interface Retry {
  /** In all. Default: 10. */
  attempts?: number;
  /** Before the second attempt; doubles from there. Default: 50. */
  delayMs?: number;
  /** Default: 2000. */
  delayMaxMs?: number;
}

export interface ConnectOptions {
  /** Default: no encryption. */
  credentials?: ChannelCredentials;
  retry?: Retry;
  /** For each attempt of a call. Default: 10000. */
  timeoutMs?: number;
  /** Of the gRPC channel. */
  options?: ChannelOptions;
}

/** A client of the server at "host:port". It connects when it is first used. */
export function connect(address: string, options?: ConnectOptions): Client;

export interface EventOptions {
  /** What the event is about, for queries and conditions. */
  tags?: string[];
  metadata?: Record<string, string>;
  contentType?: string;
  id?: string;
}

/** An event to append. Its id is chosen here and makes repeating an append harmless: to try again,
 * append the same object. `data` that is not bytes is written as JSON. */
export class Event {
  constructor(type: string, data?: unknown, options?: EventOptions);
  readonly id: string;
  readonly type: string;
  readonly contentType: string;
  readonly data: Uint8Array;
  readonly metadata: Record<string, string>;
  readonly tags: string[];
}

/** An event as it is stored. */
export class RecordedEvent {
  private constructor();
  readonly id: string;
  readonly type: string;
  readonly contentType: string;
  readonly data: Uint8Array;
  readonly metadata: Record<string, string>;
  readonly tags: string[];
  readonly stream: string;
  readonly revision: bigint;
  readonly position: bigint;
  readonly created: Date;
  /** When its payload was erased; undefined: it was not. */
  readonly erased: Date | undefined;
  /** What `data` says in JSON. SyntaxError if it is not JSON. */
  json(): any;
}

/** `replayed`: the same append had been stored before, this is its first answer. */
export interface Appended {
  firstRevision: bigint;
  lastRevision: bigint;
  position: bigint;
  replayed: boolean;
}

export interface StreamAppended {
  stream: string;
  firstRevision: bigint;
  lastRevision: bigint;
}

/** `streams` are in the order of the appends; `position` is that of the last event. */
export interface AppendedToMany {
  streams: StreamAppended[];
  position: bigint;
  replayed: boolean;
}

/** Events for one stream of an `appendMany`. */
export interface StreamAppend {
  stream: string;
  events: Event[];
  expected: Expected;
}

/** A condition on a stream that the append does not write. */
export interface StreamCheck {
  stream: string;
  expected: Expected;
}

/** An event matches if all that is given holds: one of the types, all of the tags. */
export interface QueryItem {
  types?: string[];
  tags?: string[];
  category?: string;
  correlationId?: string;
}

/** An event matches if it matches one of the items. */
export type Query = QueryItem[];

/** No event that matches `failIf` was appended behind the position `after`, or ever. */
export interface Condition {
  failIf: Query;
  after?: bigint | number;
}

/** Which events are meant, by patterns. All conditions that are given have to hold. */
export interface Filter {
  streamPrefixes?: string[];
  typePrefixes?: string[];
  streamRegex?: string;
  typeRegex?: string;
}

export interface ReadOptions {
  /** Where to begin, that event included. Default: the start, backwards the end. */
  start?: Place;
  backwards?: boolean;
  /** At most so many; 0: all. */
  count?: bigint | number;
  /** Looks at each event, as it is stored. */
  filter?: Filter;
  /** Shows events in their newest form. UpcasterFailed if one fails. */
  upcast?: boolean;
}

export interface ReadAllOptions extends ReadOptions {
  /** Finds its events by index. */
  query?: Query;
}

export interface SubscribeOptions {
  /** Default: all streams. */
  stream?: string;
  /** A revision of the stream, or a position if there is none. Default: START. */
  after?: Place;
  /** Only of all streams. */
  query?: Query;
  filter?: Filter;
  checkpointInterval?: number;
  /** Shows events in their newest form. UpcasterFailed if one fails. */
  upcast?: boolean;
}

/** Which events of a stream are to be seen. Both limits hold. */
export interface StreamPolicy {
  /** The newest so many; 0: all. */
  maxCount?: bigint | number;
  /** Those taken in at most so many milliseconds ago; 0: all. */
  maxAgeMs?: number;
  /** Payloads that are appended from now on are encrypted on disk. Default: false. */
  encrypt?: boolean;
}

export interface StreamInfo {
  name: string;
  category: string;
  /** The first event to be seen, the age of events aside. */
  firstRevision: bigint;
  lastRevision: bigint;
  lastPosition: bigint;
  created: Date;
  appended: Date;
}

export interface ServerInfo {
  version: string;
  commit: string;
  engine: string;
  events: bigint;
  streams: bigint;
  types: bigint;
  started: Date;
  /** Of the newest event. */
  position: bigint | undefined;
}

export class Client {
  private constructor();
  /** Ends its calls, too. */
  close(): void;
  /** Appends to one stream, all or nothing. WrongRevision if the stream is not as expected. */
  append(stream: string, events: Event[], options: { expected: Expected }): Promise<Appended>;
  /** Appends to several streams and checks others, all or nothing. */
  appendMany(
    appends: StreamAppend[],
    checks?: StreamCheck[],
    options?: { condition?: Condition },
  ): Promise<AppendedToMany>;
  /** For many appends one after another that need not wait for each other. */
  appendSession(): AppendSession;
  /** StreamNotFound comes with the first event. */
  readStream(stream: string, options?: ReadOptions): AsyncGenerator<RecordedEvent, void>;
  /** The events of the whole store in commit order. */
  readAll(options?: ReadAllOptions): AsyncGenerator<RecordedEvent, void>;
  /** Past events, then new ones, without end; from when the iteration begins. */
  subscribe(options?: SubscribeOptions): Subscription;
  /** StreamNotFound if it has no event. */
  getStream(stream: string): Promise<StreamInfo>;
  /** In the byte order of their names, as many pages as there are. */
  listStreams(options?: { prefix?: string; pageSize?: number }): AsyncGenerator<StreamInfo, void>;
  /** All that were ever appended, in byte order. */
  listEventTypes(options?: { prefix?: string; pageSize?: number }): AsyncGenerator<string, void>;
  /** Of all streams that ever were, in byte order. */
  listCategories(options?: { prefix?: string; pageSize?: number }): AsyncGenerator<string, void>;
  /** Takes the place of the one before, and of its category's. Also hides the events before the
   * revision `truncateBefore`, for ever. */
  setStreamPolicy(
    stream: string,
    policy?: StreamPolicy,
    options?: { truncateBefore?: bigint | number },
  ): Promise<void>;
  /** For each stream of the category that has no policy of its own. */
  setCategoryPolicy(category: string, policy?: StreamPolicy): Promise<void>;
  /** As it was set; empty if it never was. */
  getStreamPolicy(stream: string): Promise<Required<StreamPolicy>>;
  /** As it was set; empty if it never was. */
  getCategoryPolicy(category: string): Promise<Required<StreamPolicy>>;
  /** Hides all events that it has. What is appended later goes on behind them. */
  deleteStream(stream: string, options: { expected: Expected }): Promise<void>;
  /** Deletes it for ever: nothing can be appended to it any more. */
  tombstoneStream(stream: string, options: { expected: Expected }): Promise<void>;
  info(): Promise<ServerInfo>;
  readonly sagas: Sagas;
  readonly snapshots: Snapshots;
  readonly reducers: Reducers;
  /** Takes commands from these queues; `run` it. `handlers` are functions by type of command; at most
   * `maxInFlight` of each queue run at once. Default: 10. */
  participant(
    queues: string[],
    handlers: Record<string, Handler>,
    options?: { name?: string; maxInFlight?: number },
  ): Participant;
}

export type SagaStatus =
  | "RUNNING"
  | "COMPENSATING"
  | "PARKED"
  | "COMPLETED"
  | "COMPENSATED"
  | "TERMINATED";

/** A saga without its steps. `error` says why it turned backward or is parked. */
export interface Saga {
  type: string;
  id: string;
  run: number;
  status: SagaStatus;
  version: number;
  error: string | undefined;
  attributes: Record<string, string>;
  waitingFor: string[];
  position: bigint;
}

/** `attached`: there was one with this id already, and nothing was appended. */
export interface SagaStarted {
  attached: boolean;
  status: SagaStatus;
  run: number;
  position: bigint;
}

/** Sagas: defining, starting, watching and steering them. */
export class Sagas {
  private constructor();
  /** Registers a definition in the JSON form of sagabase.v1.SagaDefinition; its version. */
  define(definition: object): Promise<number>;
  /** Starts a saga, and commits `appends` in the same write. SagaNotFound: no such type. */
  start(
    type: string,
    id: string,
    input?: unknown,
    options?: { attributes?: Record<string, string>; version?: number; appends?: StreamAppend[] },
  ): Promise<SagaStarted>;
  /** Its newest run. SagaNotFound if there is none. */
  get(type: string, id: string): Promise<Saga>;
  /** Until it has ended or is parked. */
  wait(type: string, id: string): Promise<Saga>;
  /** Newest first. */
  list(options?: {
    type?: string;
    statuses?: SagaStatus[];
    attributes?: Record<string, string>;
    pageSize?: number;
  }): AsyncGenerator<Saga, void>;
  /** For a wait_event. */
  signal(
    type: string,
    id: string,
    name: string,
    value?: unknown,
    options?: { key?: string; attributes?: Record<string, string>; signalId?: string },
  ): Promise<void>;
  /** For an approval. */
  decide(
    type: string,
    id: string,
    node: string,
    options: { approved: boolean; principal?: string },
  ): Promise<void>;
  /** Turns it backward. */
  cancel(type: string, id: string, reason?: string): Promise<SagaStatus>;
}

/** What a participant is asked to do. `id` is the same for all attempts. */
export interface Command {
  id: string;
  type: string;
  sagaType: string;
  sagaId: string;
  step: string;
  attempt: number;
  isCompensation: boolean;
  input: any;
  inputs: Record<string, any>;
  attributes: Record<string, string>;
  actionOutput: any;
  /** The trace that it belongs to (W3C); calls of the handler belong to it, too. */
  traceparent: string;
  tracestate: string;
  /** Aborted when the command need not be done any more, because the saga has turned backward or the
   * command's time is over: reply soon, with whatever has become of it. */
  signal: AbortSignal;
}

export type Handler = (command: Command) => Result | Promise<Result>;
export type Result = Done | Ongoing | undefined | void;

/** The reply of a command that is done. `appends` are committed together with it. */
export class Done {
  constructor(
    output?: unknown,
    options?: { code?: string; attributes?: Record<string, string>; appends?: StreamAppend[] },
  );
}

/** Throw it when the command will not be done: the saga turns backward. */
export class Refused extends Error {
  constructor(type: string, message?: string, options?: { appends?: StreamAppend[] });
}

/** The command goes on elsewhere: ask again after so many milliseconds. */
export class Ongoing {
  constructor(checkAfterMs: number);
}

/** Takes commands and calls handlers. Replies are kept until the server has taken them. */
export class Participant {
  private constructor();
  /** Until `close` is called, or the server cannot be reached any more. */
  run(): Promise<void>;
  /** Takes no more commands. Resolves when `run` has replied to those that it has: so a handler does
   * not await it. */
  close(): Promise<void>;
}

/** A state of a stream; `revision` is that of the newest event that it knows. */
export class Snapshot {
  private constructor();
  readonly revision: bigint;
  readonly state: Uint8Array;
  readonly contentType: string;
  readonly created: Date;
  /** undefined: never. */
  readonly expires: Date | undefined;
  /** What `state` says in JSON. SyntaxError if it is not JSON. */
  json(): any;
}

/** A snapshot without its state. */
export interface SnapshotInfo {
  revision: bigint;
  stateBytes: number;
  created: Date;
  expires: Date | undefined;
}

/** A stream is due for a snapshot when it is so by any of the first two. */
export interface SnapshotPolicy {
  /** With so many events behind its newest snapshot; 0: never by number. */
  everyEvents?: bigint | number;
  /** With the oldest event behind it so many milliseconds old; 0: never by time. */
  everyMs?: number;
  /** How many of a stream's newest snapshots stay. Default: 1. */
  keep?: number;
}

/** By name. That of a stream takes the place of its category's. */
export interface SnapshotPolicies {
  categories: Record<string, Required<SnapshotPolicy>>;
  streams: Record<string, Required<SnapshotPolicy>>;
}

/** The newest snapshot of a stream and, to be iterated over once, the events behind it. */
export class Loaded implements AsyncIterable<RecordedEvent> {
  private constructor();
  /** undefined: the stream has none. */
  readonly snapshot: Snapshot | undefined;
  /** It is time for the next snapshot, which the server does not make itself. */
  readonly due: boolean;
  [Symbol.asyncIterator](): AsyncIterator<RecordedEvent, void>;
  /** Ends it where it is not read to its end. */
  close(): Promise<void>;
}

export interface LoadOptions {
  /** At most so many events; 0: all. */
  count?: bigint | number;
  filter?: Filter;
  /** From the start of the stream, as if it had no snapshot. */
  ignoreSnapshot?: boolean;
  /** Shows events in their newest form. UpcasterFailed if one fails. */
  upcast?: boolean;
}

/** A stream that is due for a snapshot; `revision` was its newest when it became so. */
export interface Due {
  stream: string;
  revision: bigint;
  /** Of its newest snapshot; undefined: it has none. */
  snapshotRevision: bigint | undefined;
}

/** Iterate over it with `for await`, once. After a lost connection what is due then is told again. */
export class DueStreams implements AsyncIterable<Due> {
  private constructor();
  [Symbol.asyncIterator](): AsyncIterator<Due, void>;
  /** Ends the iteration. */
  close(): void;
}

/** Snapshots: states of streams, so that loading one need not read its whole history. */
export class Snapshots {
  private constructor();
  /** Keeps what the events up to `revision` amount to; a state that is not bytes is written as JSON.
   * NewerSnapshot if there is one newer than this, or than `newerThan`. */
  put(
    stream: string,
    revision: bigint | number,
    state: unknown,
    options?: { contentType?: string; ttlMs?: number; keep?: number; newerThan?: bigint | number },
  ): Promise<void>;
  /** The newest, or the newest at or before the revision `at`. SnapshotNotFound if there is none. */
  get(stream: string, options?: { at?: bigint | number }): Promise<Snapshot>;
  /** That of this revision, or all; whether there was one. */
  delete(stream: string, options?: { revision?: bigint | number }): Promise<boolean>;
  /** Newest first. */
  list(stream: string): Promise<SnapshotInfo[]>;
  /** What the stream's state is made of. StreamNotFound if it has no event. */
  load(stream: string, options?: LoadOptions): Promise<Loaded>;
  /** Takes the place of the one before, and of its category's; undefined gives way to that. */
  setPolicy(stream: string, policy: SnapshotPolicy | undefined): Promise<void>;
  /** For each stream of the category that has no policy of its own; undefined: no more. */
  setCategoryPolicy(category: string, policy: SnapshotPolicy | undefined): Promise<void>;
  policies(): Promise<SnapshotPolicies>;
  /** The streams of a category, or all, that are due for a snapshot, and then each that becomes
   * so, but for those whose snapshots the server makes itself. */
  due(category?: string): DueStreams;
}

/** Events of this type change the state, a JSON object, by `patch` (RFC 7396), or by their own data
 * if there is none. `at` names the part of the state that is patched, outermost first. */
export interface MergePatch {
  eventType: string;
  at?: string[];
  patch?: unknown;
}

/** What folds events: the source of Lua, or rules of merge patches. */
export type Folding = string | MergePatch[];

/** Why and at which event something failed, so that it does not run any more. */
export interface Disabled {
  error: string;
  stream: string;
  revision: bigint;
  failed: Date;
}

/** What folds the streams of a category. */
export interface Reducer {
  category: string;
  folding: Folding;
  hash: string;
  put: Date;
  /** undefined: it runs. */
  disabled: Disabled | undefined;
}

/** What shows events of a type in their newest form. */
export interface Upcaster {
  eventType: string;
  source: string;
  hash: string;
  put: Date;
  /** undefined: it runs. */
  disabled: Disabled | undefined;
}

/** What a reducer made of the events up to `revision`. */
export interface State {
  value: any;
  revision: bigint;
  reducerHash: string;
  /** How many events, those behind the snapshot that it began with. */
  folded: bigint;
}

/** Reducers and upcasters: states that the server computes, events in their newest form. */
export class Reducers {
  private constructor();
  /** In place of the one before; its hash. InvalidRequest if it does not compile. */
  put(category: string, folding: Folding): Promise<string>;
  /** Whether there was one. */
  delete(category: string): Promise<boolean>;
  /** All, by category. */
  list(): Promise<Reducer[]>;
  /** As of now, or after the event of the revision `at`. NoState if the stream's category has no
   * reducer that runs. */
  state(stream: string, options?: { at?: bigint | number }): Promise<State>;
  /** Lua that returns a function of an event that returns it in its newest form; its hash. */
  putUpcaster(eventType: string, source: string): Promise<string>;
  /** Whether there was one. */
  deleteUpcaster(eventType: string): Promise<boolean>;
  /** All, by type of event. */
  listUpcasters(): Promise<Upcaster[]>;
}

/** Appends are committed in the order in which they are made, each at most once. If the connection
 * breaks, what has no answer yet is sent again with the same event ids. */
export class AppendSession {
  private constructor();
  append(stream: string, events: Event[], options: { expected: Expected }): Promise<Appended>;
  appendMany(
    appends: StreamAppend[],
    checks?: StreamCheck[],
    options?: { condition?: Condition },
  ): Promise<AppendedToMany>;
  /** Waits until every append has its result. */
  close(): Promise<void>;
}

/** Everything committed so far was handed out; what follows is live. */
export class CaughtUp {
  private constructor();
  /** Of the newest event; undefined if the store is empty. */
  readonly position: bigint | undefined;
  private readonly caughtUp: true;
}

/** Every event up to `position` was looked at: a position to resume from. */
export class Checkpoint {
  private constructor();
  readonly position: bigint;
  private readonly checkpoint: true;
}

/** The reader is slower than the writers: past events follow until the next CaughtUp. */
export class FellBehind {
  private constructor();
  readonly position: bigint;
  private readonly fellBehind: true;
}

/** Iterate over it with `for await`, once. After a lost connection it goes on behind the last event
 * or checkpoint that was handed out: each event comes once, in order. */
export class Subscription implements AsyncIterable<SubscriptionItem> {
  private constructor();
  [Symbol.asyncIterator](): AsyncIterator<SubscriptionItem, void>;
  /** Ends the iteration. */
  close(): void;
}

export type SubscriptionItem = RecordedEvent | CaughtUp | Checkpoint | FellBehind;

/** Any answer of the server that is not the wished one. `code` is the gRPC status code. */
export class SagabaseError extends Error {
  readonly code: number;
}

/** A stream is not in the expected state: read again, decide again. */
export class WrongRevision extends SagabaseError {
  readonly stream: string;
  readonly expected: bigint | StreamState;
  readonly actual: bigint | StreamState;
}

/** An event that the append's condition forbids is there: read again, decide again. */
export class ConditionFailed extends SagabaseError {
  /** Of one such event. */
  readonly position: bigint;
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

/** The stream's category has no reducer, or it is disabled, or it fails at this stream. */
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

/** No answer came in time. */
export class TimedOut extends Unavailable {}
