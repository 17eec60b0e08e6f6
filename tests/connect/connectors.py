"""The settings of connectors, by the form in which they write."""

from __future__ import annotations

from collections.abc import Mapping

from consumer.embedded.postgresql import Postgresql

_JSON = "org.apache.kafka.connect.json.JsonConverter"
_AVRO = "io.apicurio.registry.utils.converter.AvroConverter"


def settings(database: Postgresql, name: str, form: str, registry: str = "") -> Mapping[str, str]:
    """A connector that tells of the table `name`, on the topic `name.public.name`."""
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "plugin.name": "pgoutput",
        "database.hostname": database.host,
        "database.port": str(database.port),
        "database.user": "postgres",
        "database.password": "postgres",
        "database.dbname": "postgres",
        "topic.prefix": name,
        "table.include.list": f"public.{name}",
        "slot.name": name,
        "publication.name": name,
        "publication.autocreate.mode": "filtered",
        "skipped.operations": "none",
        "topic.creation.default.replication.factor": "1",
        "topic.creation.default.partitions": "1",
        **_converters(form, registry),
    }


def _converters(form: str, registry: str) -> Mapping[str, str]:
    if form == "schema":
        return {}
    if form == "plain":
        return {
            "key.converter": _JSON,
            "key.converter.schemas.enable": "false",
            "value.converter": _JSON,
            "value.converter.schemas.enable": "false",
            "decimal.handling.mode": "string",
            "time.precision.mode": "isostring",
        }
    one = {
        "": _AVRO,
        # The registry's own API: the converter speaks no other, and writes what Confluent's would.
        ".apicurio.registry.url": registry.replace("/apis/ccompat/v7", "/apis/registry/v2"),
        ".apicurio.registry.auto-register": "true",
        ".apicurio.registry.as-confluent": "true",
        ".apicurio.registry.use-id": "contentId",
        ".apicurio.registry.headers.enabled": "false",
    }
    return {f"{part}.converter{k}": v for part in ("key", "value") for k, v in one.items()} | {
        "schema.name.adjustment.mode": "avro"
    }
