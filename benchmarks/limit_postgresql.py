"""The limit on PostgreSQL: the client's own loop, each event decoded typed, written by COPY binary and an upsert.

No checkpoint, no fence, one transaction for whatever a call of `consume` brought.
"""

from __future__ import annotations

import json
import sys
import time

import msgspec
import psycopg
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from benchmarks.orders import PARTITIONS, TOPIC, OrderPlaced

_TABLE = """
DROP TABLE IF EXISTS bench_limit;
CREATE TABLE bench_limit (order_id text COLLATE "C" PRIMARY KEY, customer_id text NOT NULL,
    cents bigint NOT NULL, placed_at timestamptz NOT NULL, version bigint NOT NULL);
CREATE TEMP TABLE arriving (LIKE bench_limit) ON COMMIT DELETE ROWS;
"""
_COPY = "COPY arriving FROM STDIN (FORMAT BINARY)"
_UPSERT = """
INSERT INTO bench_limit SELECT * FROM arriving
ON CONFLICT (order_id) DO UPDATE SET customer_id = excluded.customer_id, cents = excluded.cents,
    placed_at = excluded.placed_at, version = excluded.version
"""


def main(bootstrap: str, count: int, url: str, batch_size: int) -> None:
    client = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "limit",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "fetch.queue.backoff.ms": 10,
        }
    )
    client.list_topics(TOPIC)
    decode = msgspec.json.Decoder(OrderPlaced).decode
    database = psycopg.connect(url, autocommit=True)
    database.execute(_TABLE)
    client.assign([TopicPartition(TOPIC, number, OFFSET_BEGINNING) for number in range(PARTITIONS)])
    events = 0
    messages = client.consume(batch_size, 60.0)
    began = time.perf_counter()
    while True:
        with database.transaction(), database.cursor() as cursor:
            with cursor.copy(_COPY) as copy:
                copy.set_types(["text", "text", "int8", "timestamptz", "int8"])
                for message in messages:
                    event = decode(message.value())  # type: ignore[arg-type]  # never None here
                    data = event.data
                    copy.write_row((event.id, data.customer_id, data.cents, event.time, 1))
            cursor.execute(_UPSERT)
        events += len(messages)
        if events >= count:
            break
        messages = client.consume(batch_size, 1.0)
    seconds = time.perf_counter() - began
    client.close()
    found = database.execute("SELECT sum(cents)::bigint FROM bench_limit").fetchone()
    assert found is not None
    print(json.dumps({"events": events, "checksum": found[0], "seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
