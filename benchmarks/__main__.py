"""`make bench`: our worker against the fastest loop that the bare clients allow, on real servers.

P1  Kafka -> a projector that reads its data, a checkpoint in Redis for each batch of up to 500
P8  Redis Streams -> the same
P6  the memory of P1's worker, looked at every 100,000 events
M1  what metrics take of a batch's time, in memory: metrics_cost.py
P2, P3  rows, effectively once: read_models.py
D   what each codec's decoding costs, in memory: codecs.py

Each run is a process of its own, over the same events, and counts from the first events in hand to
the last. Ours and the limit run in turn, so that whatever else the machine does hits both; of each
turn the ratio is taken, and the median of the ratios counts. Both must come to the same count and to
the same sum of a decoded field.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import codecs, metrics_cost
from benchmarks.orders import PARTITIONS, TOPIC, orders
from benchmarks.read_models import ReadModels
from benchmarks.running import Result, rates, run
from consumer.adapters.kafka.publisher import KafkaPublisher, create_topic
from consumer.adapters.redis.connection import connect
from consumer.adapters.redis.publisher import RedisPublisher
from consumer.embedded.kafka import Kafka
from consumer.embedded.postgresql import Postgresql
from consumer.embedded.valkey import Valkey
from consumer.ports.publisher import Publisher

#: What the worker must stay under, and by how much it may grow once it has warmed up.
_MOST_MEGABYTES = 200
_FLAT_MEGABYTES = 20


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("--events", type=int, default=1_000_000, help="on Kafka; half on Redis")
    options.add_argument("--turns", type=int, default=5)
    options.add_argument("--rows-only", action="store_true", help="P2 and P3 alone")
    options.add_argument("--codecs-only", action="store_true", help="D alone, without servers")
    given = options.parse_args()
    console = Console()
    report = {} if given.codecs_only else on_servers(given)
    if not given.rows_only:
        report |= codecs.rows()
    console.print(table(report))
    target = Path("build/bench.json")
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    console.print(f"written to {target}")


def on_servers(given: argparse.Namespace) -> dict[str, Result]:
    """All that begins with a P, and M1."""
    with (
        Kafka() as kafka,
        Valkey() as valkey,
        Postgresql(options={"fsync": "on", "full_page_writes": "on"}) as postgresql,
        TemporaryDirectory(dir=".") as folder,  # on a disk, where /tmp may be none
    ):
        config = {"bootstrap.servers": kafka.bootstrap}
        create_topic(config, TOPIC, PARTITIONS)
        publish(KafkaPublisher(config, topic=TOPIC), given.events, "Kafka")
        where = (kafka.bootstrap, valkey.url, postgresql.url, Path(folder))
        report = {} if given.rows_only else reading(kafka, valkey, given)
        return report | ReadModels(*where, given.turns).rows(given.events)


def reading(kafka: Kafka, valkey: Valkey, given: argparse.Namespace) -> dict[str, Result]:
    """P1, P8, P6 and M1."""
    streams = RedisPublisher(connect(valkey.url), topic=TOPIC, streams=PARTITIONS)
    publish(streams, given.events // 2, "Redis Streams")
    bench = Bench(valkey.url, given.turns)
    on_kafka = bench.turns(
        {"kafka": {"bootstrap_servers": [kafka.bootstrap]}},
        ["limit_kafka", kafka.bootstrap],
        given.events,
    )
    on_redis = bench.turns(
        {"redis": {"url": valkey.url, "streams": PARTITIONS}},
        ["limit_redis", valkey.url],
        given.events // 2,
    )
    return {
        "P1": rates(on_kafka),
        "P8": rates(on_redis),
        "P6": memory([ours for ours, _ in on_kafka]),
        **metrics_cost.rows(),
    }


def publish(publisher: Publisher, count: int, where: str) -> None:
    for event in track(orders(count), total=count, description=f"publishing to {where}"):
        publisher.send(event)
    publisher.close()


class Bench:
    """Starts the processes."""

    def __init__(self, redis: str, turns: int) -> None:
        self._redis = redis
        self._turns = turns
        self._runs = 0

    def turns(
        self, source: dict[str, Any], limit: list[str], count: int
    ) -> list[tuple[Result, Result]]:
        """Ours and the limit, turn by turn."""
        results = []
        for _ in track(range(self._turns), description=f"{limit[0]}, {self._turns} turns"):
            pair = self._ours(source, count), run(*limit, str(count))
            if len({(each["events"], each["checksum"]) for each in pair}) != 1:
                sys.exit(f"ours and the limit did not see the same events: {pair}")
            results.append(pair)
        return results

    def _ours(self, source: dict[str, Any], count: int) -> Result:
        """A projection that never ran, so that it begins at the beginning."""
        self._runs += 1
        name = f"fold-{self._runs}"
        settings = {
            "offsets": {"redis": {"url": self._redis, "prefix": "bench"}},
            "sources": {"main": source},
            "projections": {
                name: {
                    "projector": "benchmarks.fold:fold",
                    "source": {"from": "main", "topics": [TOPIC]},
                    "batch_size": 500,
                }
            },
        }
        return run("ours", json.dumps(settings), name, str(count))


def memory(runs: list[Result]) -> Result:
    """The run that held most. Flat: after the first look it grew by little."""
    most = max(runs, key=lambda run: max(run["megabytes"]))["megabytes"]
    growth = max(most) - most[0]
    return {
        "ours": round(max(most), 1),
        "limit": _MOST_MEGABYTES,
        "unit": "MB",
        "ratio": round(max(most) / _MOST_MEGABYTES, 3),
        "growth": round(growth, 1),
        "flat": growth < _FLAT_MEGABYTES,
        "looks": [round(look, 1) for look in most],
    }


def table(report: dict[str, Result]) -> Table:
    titles = {
        "P1": "Kafka, 500 a batch",
        "P8": "Redis Streams, 500 a batch",
        "P6": "memory of P1, at most",
        "P2": "a row an event, PostgreSQL",
        "P3/sqlite": "fold onto 1,000 keys, SQLite",
        "P3/postgresql": "fold onto 1,000 keys, PostgreSQL",
        "M1": "metrics, of a batch of 500",
        "M1/50": "metrics, of a batch of 50",
    }
    drawn = Table("", "what", "ours", "limit", "unit", "ratio")
    for name, row in report.items():
        ours, limit = f"{row['ours']:,}", f"{row['limit']:,}"
        what = titles.get(name, name.replace("D/", "decoding, "))
        drawn.add_row(name.partition(",")[0], what, ours, limit, row["unit"], f"{row['ratio']:.3f}")
    return drawn


if __name__ == "__main__":
    main()
