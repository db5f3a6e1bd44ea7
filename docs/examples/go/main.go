// Holds two seats of an event: sends one command and prints its position on the topic.
//
//	go run . TENANT EVENT CART
//
// The cart is the idempotency key: with the same cart again the seats are held once, and the answer comes again.
// BROKERS and TOPIC are variables of the environment.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func hold(tenant, event, cart string) *kgo.Record {
	data, _ := json.Marshal(map[string]any{
		"eventId":    event,
		"customerId": "customer-4711",
		"items":      []map[string]any{{"sectionId": "floor", "quantity": 2}},
	})
	header := func(name, value string) kgo.RecordHeader { return kgo.RecordHeader{Key: name, Value: []byte(value)} }
	return &kgo.Record{
		Key: []byte(event), // places the record: the commands of one event are decided in their order
		Headers: []kgo.RecordHeader{
			header("ce_specversion", "1.0"),
			header("ce_id", rand.Text()),
			header("ce_source", "/web-shop"),
			header("ce_type", "ticketing.reservation.create.v1"),
			header("ce_tenantid", tenant),
			header("ce_idempotencykey", cart),
			header("content-type", "application/json"),
		},
		Value: data,
	}
}

func main() {
	client, err := kgo.NewClient( // idempotent, and acknowledged by all replicas, unless told otherwise
		kgo.SeedBrokers(cmp.Or(os.Getenv("BROKERS"), "localhost:9092")),
		kgo.DefaultProduceTopic(cmp.Or(os.Getenv("TOPIC"), "ticketing.commands")),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), // nil: keys by murmur2, as Java
		kgo.RecordDeliveryTimeout(time.Minute))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	at, err := client.ProduceSync(context.Background(), hold(os.Args[1], os.Args[2], os.Args[3])).First()
	if err != nil {
		log.Fatalf("not known to be delivered, send it again with the same cart: %v", err)
	}
	fmt.Printf("%s/%d/%d\n", at.Topic, at.Partition, at.Offset)
}
