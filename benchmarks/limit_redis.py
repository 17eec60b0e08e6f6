"""The limit on Redis Streams: the client's own XREAD over all streams, each event typed, and a fold.

The count is the fastest of 50, 100, 250, 500, 1,000 and 5,000 entries a stream, and RESP2 the protocol that redis-py reads faster.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import msgspec
import redis

from benchmarks.orders import PARTITIONS, TOPIC, Order, OrderPlaced

COUNT = 100


def main(url: str, count: int) -> None:
    client: Any = redis.Redis.from_url(url, protocol=2)
    convert, decode = msgspec.convert, msgspec.json.Decoder(Order).decode
    offsets = {f"{TOPIC}:{n}".encode(): b"0-0" for n in range(PARTITIONS)}
    events = checksum = 0
    found = client.xread(offsets, count=COUNT)
    began = time.perf_counter()
    while True:
        for stream, entries in found:
            for _, fields in entries:
                data = decode(fields.pop(b"data"))
                event = {name.decode(): value.decode() for name, value in fields.items()}
                checksum += convert(event | {"data": data}, OrderPlaced).data.cents
            events += len(entries)
            offsets[stream] = entries[-1][0]
        if events >= count:
            break
        found = client.xread(offsets, count=COUNT)
    seconds = time.perf_counter() - began
    client.close()
    print(json.dumps({"events": events, "checksum": checksum, "seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
