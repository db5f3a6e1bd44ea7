"""Holds two seats of an event: sends one command and prints its position on the topic.

    python producer.py TENANT EVENT CART

The cart is the idempotency key: with the same cart again the seats are held once, and the answer comes again.
BROKERS and TOPIC are variables of the environment. Needs confluent-kafka.
"""

import json
import os
import sys
import uuid

from confluent_kafka import Producer

BROKERS = os.environ.get("BROKERS", "localhost:9092")
TOPIC = os.environ.get("TOPIC", "ticketing.commands")


def hold(tenant, event, cart):
    return {
        "key": event,  # places the record: the commands of one event are decided in their order
        "headers": {
            "ce_specversion": "1.0",
            "ce_id": str(uuid.uuid4()),
            "ce_source": "/web-shop",
            "ce_type": "ticketing.reservation.create.v1",
            "ce_tenantid": tenant,
            "ce_idempotencykey": cart,
            "content-type": "application/json",
        },
        "value": json.dumps({
            "eventId": event,
            "customerId": "customer-4711",
            "items": [{"sectionId": "floor", "quantity": 2}],
        }),
    }


def main(tenant, event, cart):
    delivered, failed = [], []

    def report(error, record):
        (failed if error else delivered).append(error or record)

    producer = Producer({
        "bootstrap.servers": BROKERS,
        "partitioner": "murmur2_random",  # as Java places keys; librdkafka's own default does not
        "enable.idempotence": True,  # all replicas acknowledge, and retries keep the order
        "delivery.timeout.ms": 60000,
    })
    producer.produce(TOPIC, on_delivery=report, **hold(tenant, event, cart))
    producer.flush()
    if failed:
        sys.exit(f"not known to be delivered, send it again with the same cart: {failed[0]}")
    print(f"{delivered[0].topic()}/{delivered[0].partition()}/{delivered[0].offset()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
