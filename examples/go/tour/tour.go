// What a client does, task by task. docs/api.md shows the regions.
//
// usage: tour [HOST:PORT]
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	api "append_and_read/generated"
)

var (
	ctx          = context.Background()
	store        api.EventStoreClient
	snapshots    api.SnapshotsClient
	reducers     api.ReducersClient
	definitions  api.SagaDefinitionsClient
	sagas        api.SagasClient
	participants api.ParticipantClient
)

func dial(address string) (*grpc.ClientConn, error) {
	// region connect
	connection, err := grpc.NewClient(
		address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	store = api.NewEventStoreClient(connection)
	snapshots = api.NewSnapshotsClient(connection)
	reducers = api.NewReducersClient(connection)
	definitions = api.NewSagaDefinitionsClient(connection)
	sagas = api.NewSagasClient(connection)
	participants = api.NewParticipantClient(connection)
	// endregion
	return connection, nil
}

// A UUID of version 4.
func newID() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		log.Fatal(err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// region event
// The id makes a repeated append harmless: choose it before the first try.
func event(kind, data string, tags ...string) []*api.ProposedEvent {
	return []*api.ProposedEvent{{
		Id: newID(), Type: kind, ContentType: "application/json", Data: []byte(data), Tags: tags,
	}}
}

// One event, whatever its stream holds.
func streamAppend(stream string, events []*api.ProposedEvent) *api.StreamAppend {
	return &api.StreamAppend{
		Stream: stream, Events: events,
		Expected: &api.StreamAppend_State{State: api.StreamState_STREAM_STATE_ANY},
	}
}

// endregion

func appendTo(order string) error {
	// region append
	placed, err := store.AppendToStream(ctx, &api.AppendToStreamRequest{
		Stream:   order,
		Expected: &api.AppendToStreamRequest_State{State: api.StreamState_STREAM_STATE_NO_STREAM},
		Events:   event("OrderPlaced", `{"cents": 1200}`),
	})
	if err != nil {
		return err
	}
	next := &api.AppendToStreamRequest_Revision{Revision: placed.LastRevision}
	_, err = store.AppendToStream(ctx, &api.AppendToStreamRequest{
		Stream: order, Expected: next, Events: event("OrderPacked", "{}")})
	if err != nil {
		return err
	}

	// Somebody who has not seen the packing.
	_, err = store.AppendToStream(ctx, &api.AppendToStreamRequest{
		Stream: order, Expected: next, Events: event("OrderCancelled", "{}")})
	for _, detail := range status.Convert(err).Details() {
		if wrong, ok := detail.(*api.RevisionConflict); ok {
			fmt.Printf("expected revision %d, but it is at %d\n",
				wrong.GetExpectedRevision(), wrong.GetActualRevision())
			return nil
		}
	}
	// endregion
	return fmt.Errorf("a stale revision was not refused: %w", err)
}

func read(order string) error {
	// region read
	pages, err := store.ReadStream(ctx, &api.ReadStreamRequest{Stream: order})
	if err != nil {
		return err
	}
	for {
		page, err := pages.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, event := range page.Events {
			fmt.Println("read", event.Revision, event.Type)
		}
	}
	// endregion
}

func transfer(tag, ann, bob, order string) error {
	// region transfer
	deposit := streamAppend(bob, event("Deposited", `{"cents": 500}`, tag))
	deposit.Expected = &api.StreamAppend_State{State: api.StreamState_STREAM_STATE_NO_STREAM}
	_, err := store.Append(ctx, &api.AppendRequest{
		Appends: []*api.StreamAppend{
			streamAppend(ann, event("Withdrawn", `{"cents": 500}`, tag)), deposit,
		},
		Checks: []*api.StreamCheck{{ // not written, but it has to be so
			Stream:   order,
			Expected: &api.StreamCheck_State{State: api.StreamState_STREAM_STATE_STREAM_EXISTS},
		}},
	})
	// endregion
	return err
}

// region query
func readAll(query *api.Query) ([]*api.RecordedEvent, error) {
	var found []*api.RecordedEvent
	pages, err := store.ReadAll(ctx, &api.ReadAllRequest{Query: query})
	for err == nil {
		var page *api.ReadAllResponse
		page, err = pages.Recv()
		found = append(found, page.GetEvents()...)
	}
	if !errors.Is(err, io.EOF) {
		return nil, err
	}
	return found, nil
}

func printMoved(tag string) error {
	found, err := readAll(&api.Query{Items: []*api.QueryItem{
		{Tags: []string{tag}, Types: []string{"Withdrawn", "Deposited"}},
	}})
	for _, event := range found {
		fmt.Println("found", event.Type)
	}
	return err
}

// endregion

func join(course, ada, bea string) error {
	// region condition
	joined := &api.Query{Items: []*api.QueryItem{{
		Types: []string{"Joined"}, Tags: []string{course},
	}}}
	seen, err := readAll(joined)
	if err != nil || len(seen) >= 20 { // seats
		return err
	}
	stillSo := &api.AppendCondition{FailIf: joined}
	if len(seen) > 0 {
		stillSo.Seen = &api.AppendCondition_AfterPosition{
			AfterPosition: seen[len(seen)-1].Position}
	}
	_, err = store.Append(ctx, &api.AppendRequest{
		Appends:   []*api.StreamAppend{streamAppend(ada, event("Joined", "{}", course, ada))},
		Condition: stillSo,
	})
	if err != nil {
		return err
	}

	// Somebody else, who decided by the same events.
	_, err = store.Append(ctx, &api.AppendRequest{
		Appends:   []*api.StreamAppend{streamAppend(bea, event("Joined", "{}", course, bea))},
		Condition: stillSo,
	})
	if status.Code(err) == codes.Aborted {
		fmt.Println("refused: somebody has joined since") // read again, decide again
		return nil
	}
	// endregion
	return fmt.Errorf("a stale condition was not refused: %w", err)
}

// region subscribe
// Gives the position to resume from. -1: nothing was seen yet.
func follow(tag string, position int64) (int64, error) {
	request := &api.SubscribeRequest{
		Query: &api.Query{Items: []*api.QueryItem{{Tags: []string{tag}}}},
	}
	if position >= 0 {
		request.From = &api.SubscribeRequest_AfterPosition{AfterPosition: uint64(position)}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	subscription, err := store.Subscribe(ctx, request)
	if err != nil {
		return position, err
	}
	for {
		message, err := subscription.Recv()
		if err != nil {
			return position, err // codes.Unavailable: subscribe again behind position
		}
		for _, event := range message.GetEvents().GetEvents() {
			fmt.Println("handled", event.Type)
			position = int64(event.Position) // store it with what was made of the event
		}
		if checkpoint := message.GetCheckpoint(); checkpoint != nil {
			position = int64(checkpoint.Position) // nothing matched up to here
		}
		if message.GetCaughtUp() != nil {
			return position, nil // a service would go on
		}
	}
}

// endregion

func loadFromSnapshot(account string) error {
	// region snapshot
	_, err := snapshots.PutSnapshot(ctx, &api.PutSnapshotRequest{
		Stream: account, Revision: 0, State: []byte("500"),
	})
	if err != nil {
		return err
	}
	pages, err := snapshots.LoadStream(ctx, &api.LoadStreamRequest{Stream: account})
	var state []byte
	events := 0
	for err == nil {
		var page *api.LoadStreamResponse
		page, err = pages.Recv()
		if page.GetSnapshot() != nil {
			state = page.Snapshot.State
		}
		events += len(page.GetEvents()) // apply them to the state
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	fmt.Printf("loaded %s and %d event behind it\n", state, events)
	// endregion
	return nil
}

func compute(account string) error {
	// region reducer
	fold := `
		return function(balance, event)
			local cents = event.type == "Deposited" and event.data.cents or 0
			return (balance or 0) + cents
		end
	`
	_, err := reducers.PutReducer(ctx, &api.PutReducerRequest{Reducer: &api.Reducer{
		Category: "account", Kind: &api.Reducer_Lua{Lua: &api.LuaReducer{Source: fold}},
	}})
	if err != nil {
		return err
	}
	answer, err := reducers.GetState(ctx, &api.GetStateRequest{Stream: account})
	if err != nil {
		return err
	}
	fmt.Printf("computed %s\n", answer.State) // JSON
	// endregion
	return nil
}

func start(order string) error {
	// region start
	_, err := definitions.PutDefinition(ctx, &api.PutDefinitionRequest{
		Definition: &api.SagaDefinition{
			Type: "payment",
			Nodes: []*api.Node{{Name: "charge", Kind: &api.Node_Step{Step: &api.Step{
				Action:       &api.CommandTarget{Queue: "payments", Type: "Charge"},
				Compensation: &api.CommandTarget{Queue: "payments", Type: "Refund"},
				Timeouts:     &api.StepTimeouts{StartToCloseMs: 30000},
			}}}},
		},
	})
	if err != nil {
		return err
	}
	_, err = sagas.StartSaga(ctx, &api.StartSagaRequest{
		Type: "payment", Id: order,
		Input: &api.Payload{Data: []byte(`{"cents": 1200}`), ContentType: "application/json"},
		// In the same write:
		Appends: []*api.StreamAppend{streamAppend(order, event("PaymentRequested", "{}"))},
	})
	if err != nil {
		return err
	}
	fmt.Println("started")
	// endregion
	return nil
}

func takePart() error {
	// region participant
	taken, err := participants.PollCommand(ctx, &api.PollCommandRequest{
		Participant: "till-1", Queues: []string{"payments"}, WaitMs: 10000,
	})
	if err != nil || taken.Command == nil {
		return err // no command: poll again
	}
	command := taken.Command
	var input struct{ Cents int }
	if err := json.Unmarshal(command.Input.Data, &input); err != nil {
		return err
	}
	kind := "Paid"
	if command.Operation == api.Operation_OPERATION_COMPENSATION {
		kind = "Refunded"
	}
	fmt.Println(command.Type, input.Cents)
	answer, err := participants.CompleteCommand(ctx, &api.CompleteCommandRequest{
		CommandId: command.CommandId,
		Success:   &api.Success{},
		// In the same write:
		Appends: []*api.StreamAppend{streamAppend(command.SagaId, event(kind, "{}"))},
	})
	if err != nil {
		return err // codes.Unavailable: complete it again, a second reply does no harm
	}
	if answer.Ack.Outcome != api.ReplyOutcome_REPLY_OUTCOME_ACCEPTED {
		fmt.Println("nothing was stored:", answer.Ack.Outcome)
	}
	// endregion
	return nil
}

func wait(order string) error {
	// region wait
	changes, err := sagas.WaitSaga(ctx, &api.WaitSagaRequest{
		Saga: &api.SagaName{Type: "payment", Id: order},
	})
	var newest *api.SagaSummary
	for err == nil {
		var change *api.WaitSagaResponse
		if change, err = changes.Recv(); err == nil {
			newest = change.Summary
		}
	}
	if !errors.Is(err, io.EOF) { // it ends when the saga has ended or is parked
		return err
	}
	fmt.Println(strings.ToLower(strings.TrimPrefix(newest.Status.String(), "SAGA_STATUS_")))
	// endregion
	return nil
}

// What was handled before is not handled again.
func followTwice(tag, bob string) error {
	position, err := follow(tag, -1)
	if err != nil {
		return err
	}
	_, err = store.Append(ctx, &api.AppendRequest{
		Appends: []*api.StreamAppend{streamAppend(bob, event("Checked", "{}", tag))},
	})
	if err != nil {
		return err
	}
	_, err = follow(tag, position)
	return err
}

func run(address string) error {
	connection, err := dial(address)
	if err != nil {
		return err
	}
	defer connection.Close()

	id := newID()
	order, ann, bob, tag := "order-"+id, "account-ann"+id, "account-bob"+id, "transfer:"+id
	for _, task := range []func() error{
		func() error { return appendTo(order) },
		func() error { return read(order) },
		func() error { return transfer(tag, ann, bob, order) },
		func() error { return printMoved(tag) },
		func() error { return join("course:"+id, "student-ada"+id, "student-bea"+id) },
		func() error { return followTwice(tag, bob) },
		func() error { return loadFromSnapshot(bob) },
		func() error { return compute(bob) },
		func() error { return start(order) },
		takePart,
		func() error { return wait(order) },
	} {
		if err := task(); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	address := "127.0.0.1:2113"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if err := run(address); err != nil {
		log.Fatal(err)
	}
}
