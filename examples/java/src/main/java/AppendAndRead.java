import com.google.protobuf.ByteString;
import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.util.UUID;
import sagabase.v1.EventStoreGrpc;
import sagabase.v1.EventStoreGrpc.EventStoreBlockingStub;
import sagabase.v1.EventStoreOuterClass.AppendToStreamRequest;
import sagabase.v1.EventStoreOuterClass.ProposedEvent;
import sagabase.v1.EventStoreOuterClass.ReadStreamRequest;
import sagabase.v1.EventStoreOuterClass.StreamState;
import sagabase.v1.EventStoreOuterClass.SubscribeRequest;

/**
 * Appends two events to a stream, reads it, and follows the store from there.
 *
 * <p>Usage: AppendAndRead [HOST:PORT]
 */
public final class AppendAndRead {
  // The id makes a repeated append harmless: choose it before the first try.
  private static ProposedEvent event(String type, String data) {
    return ProposedEvent.newBuilder()
        .setId(UUID.randomUUID().toString())
        .setType(type)
        .setContentType("application/json")
        .setData(ByteString.copyFromUtf8(data))
        .build();
  }

  /** The position of the last event. */
  private static long append(EventStoreBlockingStub store, String order) {
    var placed =
        store.appendToStream(
            AppendToStreamRequest.newBuilder()
                .setStream(order)
                .setState(StreamState.STREAM_STATE_NO_STREAM)
                .addEvents(event("OrderPlaced", "{\"total\": 12}"))
                .addEvents(event("OrderPaid", "{\"with\": \"card\"}"))
                .build());
    System.out.printf(
        "appended revisions %d..%d%n", placed.getFirstRevision(), placed.getLastRevision());

    try { // somebody who still believes that the stream ends with its first event
      store.appendToStream(
          AppendToStreamRequest.newBuilder()
              .setStream(order)
              .setRevision(placed.getFirstRevision())
              .addEvents(event("OrderCancelled", "{}"))
              .build());
    } catch (StatusRuntimeException error) {
      System.out.println("refused: " + error.getStatus().getCode());
    }
    return placed.getPosition();
  }

  private static void read(EventStoreBlockingStub store, String order) {
    var pages = store.readStream(ReadStreamRequest.newBuilder().setStream(order).build());
    while (pages.hasNext()) {
      for (var recorded : pages.next().getEventsList()) {
        System.out.printf(
            "read %d: %s %s%n",
            recorded.getRevision(), recorded.getType(), recorded.getData().toStringUtf8());
      }
    }
  }

  /** Everything behind a position, then what comes, until we stop listening. */
  private static void follow(EventStoreBlockingStub store, long position) {
    var messages = store.subscribe(SubscribeRequest.newBuilder().setAfterPosition(position).build());
    while (messages.hasNext()) {
      var message = messages.next();
      for (var recorded : message.getEvents().getEventsList()) {
        System.out.println("followed: " + recorded.getType());
      }
      if (message.hasCaughtUp()) {
        System.out.println("caught up");
        return;
      }
    }
  }

  public static void main(String[] arguments) {
    String address = arguments.length > 0 ? arguments[0] : "127.0.0.1:2113";
    ManagedChannel channel =
        Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).build();
    EventStoreBlockingStub store = EventStoreGrpc.newBlockingStub(channel);
    String order = "order-" + UUID.randomUUID();
    long position = append(store, order);
    read(store, order);
    try (Context.CancellableContext listening = Context.current().withCancellation()) {
      listening.run(() -> follow(store, position - 1));
    }
    channel.shutdownNow();
  }
}
