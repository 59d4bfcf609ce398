// Appends two events to a stream, reads it, and follows the store from there.
//
// usage: append_and_read [HOST:PORT]
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	api "append_and_read/generated"
)

// A UUID of version 4.
func newID() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		log.Fatal(err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// The id makes a repeated append harmless: choose it before the first try.
func event(kind, data string) *api.ProposedEvent {
	return &api.ProposedEvent{
		Id: newID(), Type: kind, ContentType: "application/json", Data: []byte(data),
	}
}

func appendOrder(ctx context.Context, store api.EventStoreClient, order string) (uint64, error) {
	placed, err := store.AppendToStream(ctx, &api.AppendToStreamRequest{
		Stream:   order,
		Expected: &api.AppendToStreamRequest_State{State: api.StreamState_STREAM_STATE_NO_STREAM},
		Events: []*api.ProposedEvent{
			event("OrderPlaced", `{"total": 12}`), event("OrderPaid", `{"with": "card"}`),
		},
	})
	if err != nil {
		return 0, err
	}
	fmt.Printf("appended revisions %d..%d\n", placed.FirstRevision, placed.LastRevision)

	// Somebody who still believes that the stream ends with its first event.
	_, err = store.AppendToStream(ctx, &api.AppendToStreamRequest{
		Stream:   order,
		Expected: &api.AppendToStreamRequest_Revision{Revision: placed.FirstRevision},
		Events:   []*api.ProposedEvent{event("OrderCancelled", "{}")},
	})
	fmt.Println("refused:", status.Code(err))
	return placed.Position, nil
}

func read(ctx context.Context, store api.EventStoreClient, order string) error {
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
		for _, recorded := range page.Events {
			fmt.Printf("read %d: %s %s\n", recorded.Revision, recorded.Type, recorded.Data)
		}
	}
}

// Everything behind a position, then what comes, until we stop listening.
func follow(ctx context.Context, store api.EventStoreClient, position uint64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	subscription, err := store.Subscribe(ctx, &api.SubscribeRequest{
		From: &api.SubscribeRequest_AfterPosition{AfterPosition: position},
	})
	if err != nil {
		return err
	}
	for {
		message, err := subscription.Recv()
		if err != nil {
			return err
		}
		for _, recorded := range message.GetEvents().GetEvents() {
			fmt.Println("followed:", recorded.Type)
		}
		if message.GetCaughtUp() != nil {
			fmt.Println("caught up")
			return nil
		}
	}
}

func run(address string) error {
	connection, err := grpc.NewClient(
		address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()

	ctx, store, order := context.Background(), api.NewEventStoreClient(connection), "order-"+newID()
	position, err := appendOrder(ctx, store, order)
	if err != nil {
		return err
	}
	if err := read(ctx, store, order); err != nil {
		return err
	}
	return follow(ctx, store, position-1)
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
