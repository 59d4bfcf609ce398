import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import sagabase.v1.EventStoreGrpc;
import sagabase.v1.EventStoreGrpc.EventStoreBlockingStub;
import sagabase.v1.EventStoreOuterClass.AppendCondition;
import sagabase.v1.EventStoreOuterClass.AppendRequest;
import sagabase.v1.EventStoreOuterClass.AppendToStreamRequest;
import sagabase.v1.EventStoreOuterClass.ProposedEvent;
import sagabase.v1.EventStoreOuterClass.Query;
import sagabase.v1.EventStoreOuterClass.QueryItem;
import sagabase.v1.EventStoreOuterClass.ReadAllRequest;
import sagabase.v1.EventStoreOuterClass.ReadStreamRequest;
import sagabase.v1.EventStoreOuterClass.RecordedEvent;
import sagabase.v1.EventStoreOuterClass.RevisionConflict;
import sagabase.v1.EventStoreOuterClass.StreamAppend;
import sagabase.v1.EventStoreOuterClass.StreamCheck;
import sagabase.v1.EventStoreOuterClass.StreamState;
import sagabase.v1.EventStoreOuterClass.SubscribeRequest;
import sagabase.v1.ParticipantGrpc;
import sagabase.v1.ParticipantGrpc.ParticipantBlockingStub;
import sagabase.v1.ParticipantOuterClass.CompleteCommandRequest;
import sagabase.v1.ParticipantOuterClass.PollCommandRequest;
import sagabase.v1.ParticipantOuterClass.ReplyOutcome;
import sagabase.v1.ParticipantOuterClass.Success;
import sagabase.v1.ReducersGrpc;
import sagabase.v1.ReducersGrpc.ReducersBlockingStub;
import sagabase.v1.ReducersOuterClass.GetStateRequest;
import sagabase.v1.ReducersOuterClass.LuaReducer;
import sagabase.v1.ReducersOuterClass.PutReducerRequest;
import sagabase.v1.ReducersOuterClass.Reducer;
import sagabase.v1.SagaDefinitionOuterClass.CommandTarget;
import sagabase.v1.SagaDefinitionOuterClass.Node;
import sagabase.v1.SagaDefinitionOuterClass.PutDefinitionRequest;
import sagabase.v1.SagaDefinitionOuterClass.SagaDefinition;
import sagabase.v1.SagaDefinitionOuterClass.Step;
import sagabase.v1.SagaDefinitionOuterClass.StepTimeouts;
import sagabase.v1.SagaDefinitionsGrpc;
import sagabase.v1.SagaDefinitionsGrpc.SagaDefinitionsBlockingStub;
import sagabase.v1.SagasGrpc;
import sagabase.v1.SagasGrpc.SagasBlockingStub;
import sagabase.v1.SagasOuterClass.Operation;
import sagabase.v1.SagasOuterClass.Payload;
import sagabase.v1.SagasOuterClass.SagaName;
import sagabase.v1.SagasOuterClass.SagaStatus;
import sagabase.v1.SagasOuterClass.StartSagaRequest;
import sagabase.v1.SagasOuterClass.WaitSagaRequest;
import sagabase.v1.SnapshotsGrpc;
import sagabase.v1.SnapshotsGrpc.SnapshotsBlockingStub;
import sagabase.v1.SnapshotsOuterClass.LoadStreamRequest;
import sagabase.v1.SnapshotsOuterClass.PutSnapshotRequest;

/**
 * What a client does, task by task. docs/api.md shows the regions.
 *
 * <p>Usage: Tour [HOST:PORT]
 */
public final class Tour {
  private final ManagedChannel channel;
  private final EventStoreBlockingStub store;
  private final SnapshotsBlockingStub snapshots;
  private final ReducersBlockingStub reducers;
  private final SagaDefinitionsBlockingStub definitions;
  private final SagasBlockingStub sagas;
  private final ParticipantBlockingStub participants;

  private Tour(String address) {
    // region connect
    channel = Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).build();
    store = EventStoreGrpc.newBlockingStub(channel);
    snapshots = SnapshotsGrpc.newBlockingStub(channel);
    reducers = ReducersGrpc.newBlockingStub(channel);
    definitions = SagaDefinitionsGrpc.newBlockingStub(channel);
    sagas = SagasGrpc.newBlockingStub(channel);
    participants = ParticipantGrpc.newBlockingStub(channel);
    // endregion
  }

  // region event
  /** The id makes a repeated append harmless: choose it before the first try. */
  private static ProposedEvent event(String type, String data, String... tags) {
    return ProposedEvent.newBuilder()
        .setId(UUID.randomUUID().toString())
        .setType(type)
        .setContentType("application/json")
        .setData(ByteString.copyFromUtf8(data))
        .addAllTags(List.of(tags))
        .build();
  }

  /** One event, whatever its stream holds. */
  private static StreamAppend.Builder streamAppend(String stream, ProposedEvent event) {
    return StreamAppend.newBuilder()
        .setStream(stream)
        .setState(StreamState.STREAM_STATE_ANY)
        .addEvents(event);
  }

  // endregion

  private void append(String order) throws InvalidProtocolBufferException {
    // region append
    var placed =
        store.appendToStream(
            AppendToStreamRequest.newBuilder()
                .setStream(order)
                .setState(StreamState.STREAM_STATE_NO_STREAM)
                .addEvents(event("OrderPlaced", "{\"cents\": 1200}"))
                .build());
    var next =
        AppendToStreamRequest.newBuilder().setStream(order).setRevision(placed.getLastRevision());
    store.appendToStream(next.clone().addEvents(event("OrderPacked", "{}")).build());

    try { // somebody who has not seen the packing
      store.appendToStream(next.clone().addEvents(event("OrderCancelled", "{}")).build());
    } catch (StatusRuntimeException error) {
      for (Any detail : StatusProto.fromThrowable(error).getDetailsList()) {
        var wrong = detail.unpack(RevisionConflict.class);
        System.out.printf(
            "expected revision %d, but it is at %d%n",
            wrong.getExpectedRevision(), wrong.getActualRevision());
      }
    }
    // endregion
  }

  private void read(String order) {
    // region read
    var pages = store.readStream(ReadStreamRequest.newBuilder().setStream(order).build());
    while (pages.hasNext()) {
      for (var event : pages.next().getEventsList()) {
        System.out.println("read " + event.getRevision() + " " + event.getType());
      }
    }
    // endregion
  }

  private void transfer(String tag, String ann, String bob, String order) {
    // region transfer
    store.append(
        AppendRequest.newBuilder()
            .addAppends(streamAppend(ann, event("Withdrawn", "{\"cents\": 500}", tag)))
            .addAppends(
                streamAppend(bob, event("Deposited", "{\"cents\": 500}", tag))
                    .setState(StreamState.STREAM_STATE_NO_STREAM))
            .addChecks( // not written, but it has to be so
                StreamCheck.newBuilder()
                    .setStream(order)
                    .setState(StreamState.STREAM_STATE_STREAM_EXISTS))
            .build());
    // endregion
  }

  // region query
  private List<RecordedEvent> readAll(Query query) {
    var found = new ArrayList<RecordedEvent>();
    store
        .readAll(ReadAllRequest.newBuilder().setQuery(query).build())
        .forEachRemaining(page -> found.addAll(page.getEventsList()));
    return found;
  }

  private void printMoved(String tag) {
    var moved = QueryItem.newBuilder().addTags(tag).addTypes("Withdrawn").addTypes("Deposited");
    for (var event : readAll(Query.newBuilder().addItems(moved).build())) {
      System.out.println("found " + event.getType());
    }
  }

  // endregion

  private void join(String course, String ada, String bea) {
    // region condition
    var joined =
        Query.newBuilder()
            .addItems(QueryItem.newBuilder().addTypes("Joined").addTags(course))
            .build();
    var seen = readAll(joined);
    if (seen.size() >= 20) { // seats
      return;
    }
    var stillSo = AppendCondition.newBuilder().setFailIf(joined);
    if (!seen.isEmpty()) {
      stillSo.setAfterPosition(seen.get(seen.size() - 1).getPosition());
    }
    store.append(
        AppendRequest.newBuilder()
            .addAppends(streamAppend(ada, event("Joined", "{}", course, ada)))
            .setCondition(stillSo)
            .build());

    try { // somebody else, who decided by the same events
      store.append(
          AppendRequest.newBuilder()
              .addAppends(streamAppend(bea, event("Joined", "{}", course, bea)))
              .setCondition(stillSo)
              .build());
    } catch (StatusRuntimeException error) {
      if (error.getStatus().getCode() != Status.Code.ABORTED) {
        throw error;
      }
      System.out.println("refused: somebody has joined since"); // read again, decide again
    }
    // endregion
  }

  // region subscribe
  /** Gives the position to resume from. -1: nothing was seen yet. */
  private long follow(String tag, long position) {
    var request =
        SubscribeRequest.newBuilder()
            .setQuery(Query.newBuilder().addItems(QueryItem.newBuilder().addTags(tag)));
    if (position >= 0) {
      request.setAfterPosition(position);
    }
    var listening = Context.current().withCancellation();
    var before = listening.attach(); // closing it ends the subscription
    try {
      var messages = store.subscribe(request.build());
      while (messages.hasNext()) { // UNAVAILABLE: subscribe again behind position
        var message = messages.next();
        for (var event : message.getEvents().getEventsList()) {
          System.out.println("handled " + event.getType());
          position = event.getPosition(); // store it with what was made of the event
        }
        if (message.hasCheckpoint()) {
          position = message.getCheckpoint().getPosition(); // nothing matched up to here
        }
        if (message.hasCaughtUp()) {
          break; // a service would go on
        }
      }
    } finally {
      listening.detachAndCancel(before, null);
    }
    return position;
  }

  // endregion

  private void loadFromSnapshot(String account) {
    // region snapshot
    snapshots.putSnapshot(
        PutSnapshotRequest.newBuilder()
            .setStream(account)
            .setRevision(0)
            .setState(ByteString.copyFromUtf8("500"))
            .build());

    var pages = snapshots.loadStream(LoadStreamRequest.newBuilder().setStream(account).build());
    var state = "";
    var events = 0;
    while (pages.hasNext()) {
      var page = pages.next();
      if (page.hasSnapshot()) {
        state = page.getSnapshot().getState().toStringUtf8();
      }
      events += page.getEventsCount(); // apply them to the state
    }
    System.out.printf("loaded %s and %d event behind it%n", state, events);
    // endregion
  }

  private void compute(String account) {
    // region reducer
    var fold =
        """
        return function(balance, event)
          local cents = event.type == "Deposited" and event.data.cents or 0
          return (balance or 0) + cents
        end
        """;
    reducers.putReducer(
        PutReducerRequest.newBuilder()
            .setReducer(
                Reducer.newBuilder()
                    .setCategory("account")
                    .setLua(LuaReducer.newBuilder().setSource(fold)))
            .build());
    var answer = reducers.getState(GetStateRequest.newBuilder().setStream(account).build());
    System.out.println("computed " + answer.getState().toStringUtf8()); // JSON
    // endregion
  }

  private void start(String order) {
    // region start
    var charge =
        Step.newBuilder()
            .setAction(CommandTarget.newBuilder().setQueue("payments").setType("Charge"))
            .setCompensation(CommandTarget.newBuilder().setQueue("payments").setType("Refund"))
            .setTimeouts(StepTimeouts.newBuilder().setStartToCloseMs(30000));
    var payment =
        SagaDefinition.newBuilder()
            .setType("payment")
            .addNodes(Node.newBuilder().setName("charge").setStep(charge));
    definitions.putDefinition(PutDefinitionRequest.newBuilder().setDefinition(payment).build());

    var input = ByteString.copyFromUtf8("{\"cents\": 1200}");
    sagas.startSaga(
        StartSagaRequest.newBuilder()
            .setType("payment")
            .setId(order)
            .setInput(Payload.newBuilder().setData(input).setContentType("application/json"))
            .addAppends( // in the same write
                streamAppend(order, event("PaymentRequested", "{}")))
            .build());
    System.out.println("started");
    // endregion
  }

  private void takePart() {
    // region participant
    var taken =
        participants.pollCommand(
            PollCommandRequest.newBuilder()
                .setParticipant("till-1")
                .addQueues("payments")
                .setWaitMs(10000)
                .build());
    if (!taken.hasCommand()) {
      return; // poll again
    }
    var command = taken.getCommand();
    var input = command.getInput().getData().toStringUtf8(); // for a JSON library
    System.out.println(command.getType() + " " + input.replaceAll("[^0-9]", ""));

    var undo = command.getOperation() == Operation.OPERATION_COMPENSATION;
    var answer = // UNAVAILABLE: complete it again, a second reply does no harm
        participants.completeCommand(
            CompleteCommandRequest.newBuilder()
                .setCommandId(command.getCommandId())
                .setSuccess(Success.getDefaultInstance())
                .addAppends( // in the same write
                    streamAppend(command.getSagaId(), event(undo ? "Refunded" : "Paid", "{}")))
                .build());
    if (answer.getAck().getOutcome() != ReplyOutcome.REPLY_OUTCOME_ACCEPTED) {
      System.out.println("nothing was stored: " + answer.getAck().getOutcome());
    }
    // endregion
  }

  private void waitFor(String order) {
    // region wait
    var saga = SagaName.newBuilder().setType("payment").setId(order);
    var changes = sagas.waitSaga(WaitSagaRequest.newBuilder().setSaga(saga).build());
    var status = SagaStatus.SAGA_STATUS_RUNNING;
    while (changes.hasNext()) { // it ends when the saga has ended or is parked
      status = changes.next().getSummary().getStatus();
    }
    System.out.println(status.name().replace("SAGA_STATUS_", "").toLowerCase());
    // endregion
  }

  private void everything() throws InvalidProtocolBufferException {
    var id = UUID.randomUUID();
    var order = "order-" + id;
    var bob = "account-bob" + id;
    var tag = "transfer:" + id;
    append(order);
    read(order);
    transfer(tag, "account-ann" + id, bob, order);
    printMoved(tag);
    join("course:" + id, "student-ada" + id, "student-bea" + id);
    var position = follow(tag, -1);
    store.append(
        AppendRequest.newBuilder().addAppends(streamAppend(bob, event("Checked", "{}", tag))).build());
    follow(tag, position);
    loadFromSnapshot(bob);
    compute(bob);
    start(order);
    takePart();
    waitFor(order);
  }

  public static void main(String[] arguments) throws InvalidProtocolBufferException {
    Tour tour = new Tour(arguments.length > 0 ? arguments[0] : "127.0.0.1:2113");
    tour.everything();
    tour.channel.shutdownNow();
  }
}
