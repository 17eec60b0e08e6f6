"""projections.yaml and the environment, read whole or refused whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from consumer.errors import Misconfigured
from consumer.settings.loading import load

GOOD = """
offsets: {redis: {url: "redis://localhost:6379/0", prefix: prod}}
sources:
  main: {kafka: {bootstrap_servers: [localhost:9092], config: {}}}
  streams: {redis: {url: "redis://localhost:6379/1", streams: 8}}
projections:
  customers:
    projector: shop.read_models:customers
    source: {from: main, topics: [orders]}
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        path = tmp_path / "projections.yaml"
        path.write_text(text)
        return path

    return written


def complaints(path: Path) -> list[str]:
    with pytest.raises(Misconfigured) as raised:
        load(path)
    return [line.strip() for line in str(raised.value).splitlines()]


def test_what_is_not_said_has_its_default(write: Write) -> None:
    settings = load(write(GOOD))

    customers = settings.projection("customers")
    assert (customers.batch_size, customers.on_undecodable) == (500, "halt")
    assert (customers.source.codec, customers.source.start) == ("cloudevents", "beginning")
    assert customers.drain_seconds == 25
    assert settings.source("streams").redis is not None


def test_all_problems_are_said_at_once_each_with_its_place(write: Write) -> None:
    lines = complaints(
        write("""
offsets: {redis: {url: "redis://localhost", prefx: prod}}
sources:
  main: {kafka: {bootstrap_servers: []}}
  both: {kafka: {bootstrap_servers: [a]}, redis: {url: "redis://b", streams: 1}}
projections:
  customers:
    projector: shop.read_models
    source: {from: mian, topics: [orders, orders], start: 2026-11-01}
    batchsize: 500
    batch_size: many
  "bad:name": {projector: "a:b"}
""")
    )

    assert lines[0].endswith("projections.yaml: 10 problems")
    for expected in (
        "offsets.redis.prefx: unknown; did you mean prefix?",
        "sources.main.kafka.bootstrap_servers: must not be empty",
        "sources.both: takes either kafka or redis, and has kafka and redis",
        "projections.customers.projector: 'shop.read_models' is no import string",
        "projections.customers.source.from: no source has this name; did you mean main?",
        "projections.customers.source.start: '2026-11-01' is no place to start",
        "projections.customers.batchsize: unknown; did you mean batch_size?",
        "projections.customers.batch_size: must be a valid integer",
        "projections.bad:name: 'bad:name' cannot name a projection",
        "projections.bad:name.source: is missing",
    ):
        assert any(line.startswith(expected) for line in lines), (expected, lines)


def test_a_part_that_was_left_empty_is_a_problem_at_its_place(write: Write) -> None:
    assert complaints(write("offsets:\nsources:\nprojections: {a: }"))[1:] == [
        "offsets: must be a mapping of keys to values",
        "sources: must be a mapping of keys to values",
        "projections.a: must be a mapping of keys to values",
    ]


def test_the_places_of_a_json_codec_are_settings_too(write: Write) -> None:
    json = GOOD.replace("topics: [orders]", "topics: [orders], codec: {json: {tipe: key}}")
    strange = GOOD.replace("topics: [orders]", "topics: [orders], codec: jason")

    assert complaints(write(json))[1:] == [
        "projections.customers.source.codec.json.type: is missing",
        "projections.customers.source.codec.json.tipe: unknown; did you mean type?",
    ]
    (_, line) = complaints(write(strange))
    assert line.startswith(
        "projections.customers.source.codec: 'jason' is none of cloudevents, envelope, schema_registry, debezium, outbox, and no import"
    )


@pytest.mark.parametrize(
    ("written", "hint"),
    [("debzium", "did you mean debezium?"), ("json", "{json: {type: ...}}")],
)
def test_a_codec_that_is_nearly_one_is_told_which(write: Write, written: str, hint: str) -> None:
    nearly = GOOD.replace("topics: [orders]", f"topics: [orders], codec: {written}")
    (_, line) = complaints(write(nearly))
    assert line.endswith(hint)


def test_sequences_need_a_read_model_and_halt_at_gaps_if_nothing_is_said(write: Write) -> None:
    assert complaints(write(GOOD + "    sequences: {gaps: halt}\n"))[1].startswith(
        "projections.customers: has sequences and no read_model"
    )
    guarded = GOOD + "    read_model: {sqlite: {path: rows.db}}\n"
    assert complaints(write(guarded + "    sequences: {gaps: park}\n"))[1].startswith(
        "projections.customers.sequences.gaps: "
    )

    assert load(write(guarded)).projection("customers").sequences is None
    found = load(write(guarded + "    sequences: {}\n")).projection("customers").sequences
    assert found is not None
    assert found.gaps == "halt"


def test_two_projections_in_one_consumer_group_are_refused(write: Write) -> None:
    second = "  orders: {projector: a:b, source: {from: main, topics: [orders], group: customers}}"

    assert complaints(write(GOOD + second))[1].startswith(
        "projections.orders.source.group: customers reads from main as customers too"
    )


def test_a_group_on_redis_streams_is_refused(write: Write) -> None:
    second = "  orders: {projector: a:b, source: {from: streams, topics: [orders], group: x}}"

    assert complaints(write(GOOD + second))[1].startswith("projections.orders.source.group: ")


@pytest.mark.parametrize(
    ("config", "seconds"),
    [("{}", "241"), ("{max.poll.interval.ms: 60000}", ""), ("{max.poll.interval.ms: '6000'}", "6")],
)
def test_an_apply_that_may_outlast_a_workers_membership_is_refused(
    write: Write, config: str, seconds: str
) -> None:
    text = GOOD.replace("config: {}", f"config: {config}")
    given = f"    apply_seconds: {seconds}\n" if seconds else ""  # the default is 120

    (_, complaint) = complaints(write(text + given))
    assert complaint.startswith("projections.customers.apply_seconds: ")
    assert complaint.endswith("or raise max.poll.interval.ms in the config of main")


def test_a_kafka_beside_an_empty_redis_is_a_kafka(write: Write) -> None:
    text = GOOD.replace("config: {}}}", "config: {}}, redis: }")
    assert text != GOOD
    second = "  orders: {projector: a:b, source: {from: main, topics: [orders], group: customers}}"

    assert load(write(text)).source("main").kafka is not None
    grouped = "  orders: {projector: a:b, source: {from: main, topics: [orders], group: mine}}"
    assert load(write(text + grouped)).projection("orders").source.group == "mine"
    assert "customers reads from main as customers too" in complaints(write(text + second))[1]
    assert complaints(write(f"{text}    apply_seconds: 241\n"))[1].startswith(
        "projections.customers.apply_seconds: "
    )


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("batch_size: true", "batch_size: must be a valid integer"),
        ("batch_size: '1_000'", "batch_size: must be a valid integer"),
        ("batch_size: 1_000", "batch_size: must be a valid integer"),
        ("batch_size: 1:30", "batch_size: must be a valid integer"),
        ("batch_size: 0x10", "batch_size: must be a valid integer"),
        ("batch_size: ' 5'", "batch_size: must be a valid integer"),
        ("batch_size: '5.0'", "batch_size: must be a valid integer"),
        ("lag_seconds: yes", "lag_seconds: must be a valid number"),
        ("lag_seconds: '5 '", "lag_seconds: must be a valid number"),
        ("lag_seconds: .inf", "lag_seconds: must be"),
        ("lag_seconds: .nan", "lag_seconds: must be"),
    ],
)
def test_what_only_looks_like_a_number_is_refused(write: Write, line: str, complaint: str) -> None:
    (_, told) = complaints(write(f"{GOOD}    {line}\n"))
    assert told.startswith(f"projections.customers.{complaint}")


@pytest.mark.parametrize("value", ["0", "1", "y", "'n'", "'t'", "1.0", "'tRUE'", "' yes'"])
def test_what_only_looks_like_a_boolean_is_refused(write: Write, value: str) -> None:
    text = GOOD.replace("topics: [orders]", f"topics: [orders], mirror: {value}")
    assert complaints(write(text))[1:] == [
        "projections.customers.source.mirror: must be a valid boolean"
    ]


@pytest.mark.parametrize(("value", "number"), [("017", 17), ("08", 8), ("+5", 5), ("1e3", 1000)])
def test_a_number_is_read_as_editors_read_it(write: Write, value: str, number: int) -> None:
    settings = load(write(f"{GOOD}    batch_size: {value}\n"))
    assert settings.projection("customers").batch_size == number


def test_an_apply_within_a_membership_and_on_redis_streams_any_is_taken(write: Write) -> None:
    longer = GOOD.replace("config: {}", "config: {max.poll.interval.ms: 900000}")
    stream = "  orders: {projector: a:b, apply_seconds: 3600, source: {from: streams, topics: [o]}}"

    load(write(longer + "    apply_seconds: 720\n" + stream))


def test_what_is_no_number_is_one_problem(write: Write) -> None:
    assert len(complaints(write(GOOD + "    apply_seconds: soon\n"))) == 2


def test_a_name_far_from_all_known_ones_is_answered_with_all_of_them(write: Write) -> None:
    settings = load(write(GOOD))

    with pytest.raises(Misconfigured, match=r"projections\.zzz: missing; there are customers"):
        settings.projection("zzz")
    with pytest.raises(Misconfigured, match=r"sources\.stream: missing; did you mean streams\?"):
        settings.source("stream")


def test_values_come_from_the_environment_where_the_file_says_so(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKER", "kafka-1:9092")
    text = GOOD.replace("localhost:9092", '"${BROKER}", "${OTHER:-kafka-2:9092}", "$${BROKER}"')

    kafka = load(write(text)).source("main").kafka

    assert kafka is not None
    assert kafka.bootstrap_servers == ["kafka-1:9092", "kafka-2:9092", "${BROKER}"]


def test_a_variable_that_is_not_set_is_a_problem_at_its_place(write: Write) -> None:
    lines = complaints(write(GOOD.replace("localhost:9092", '"${NOT_SET_ANYWHERE}"')))

    assert lines[1] == (
        "sources.main.kafka.bootstrap_servers[0]: the environment has no NOT_SET_ANYWHERE"
    )


def test_the_environment_overrides_the_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROJECTIONS_OFFSETS__REDIS__PREFIX", "staging")
    monkeypatch.setenv("PROJECTIONS_PROJECTIONS__CUSTOMERS__BATCH_SIZE", "7")

    settings = load(write(GOOD))

    assert settings.offsets.redis is not None
    assert settings.offsets.redis.prefix == "staging"
    assert settings.projection("customers").batch_size == 7


def test_a_misspelt_setting_in_the_environment_does_not_pass_unseen(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROJECTIONS_OFSETS__REDIS__PREFIX", "x")

    assert complaints(write(GOOD))[1] == (
        "PROJECTIONS_OFSETS__REDIS__PREFIX: no such setting; did you mean OFFSETS?"
    )


def test_a_variable_that_should_hold_json_and_does_not_is_named_without_its_value(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROJECTIONS_PROJECTIONS__CUSTOMERS__TRANSIENT", "hush:hush")

    (_, line) = complaints(write(GOOD))

    assert line.endswith(" in PROJECTIONS_PROJECTIONS__CUSTOMERS__TRANSIENT")
    assert "hush" not in line


def test_secrets_come_from_files_and_are_read_anew(write: Write, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("first\n")
    text = GOOD.replace("prefix: prod", f"password_file: {secret}").replace(
        "config: {}", f"config: {{sasl.username: me}}, config_files: {{sasl.password: {secret}}}"
    )
    settings = load(write(text))
    redis, kafka = settings.offsets.redis, settings.source("main").kafka
    assert redis is not None
    assert kafka is not None

    assert redis.secret == "first"
    secret.write_text("second\n")
    assert redis.secret == "second"
    assert kafka.properties == {
        "bootstrap.servers": "localhost:9092",
        "sasl.username": "me",
        "sasl.password": "second",
    }


def test_a_secret_file_that_cannot_be_read_is_a_problem(write: Write) -> None:
    lines = complaints(write(GOOD.replace("prefix: prod", "password_file: /nowhere/secret")))

    assert lines[1] == (
        "offsets.redis.password_file: cannot read /nowhere/secret: No such file or directory"
    )


def test_no_secret_is_printed(write: Write) -> None:
    text = GOOD.replace("redis://localhost:6379/0", "redis://me:hush@localhost/0").replace(
        "config: {}", "config: {sasl.password: hush}"
    )
    settings = load(write(text.replace("prefix: prod", "password: hush")))

    assert "hush" not in repr(settings)
    assert "hush" not in str(settings)
    assert "hush" not in settings.model_dump_json()
    with pytest.raises(Misconfigured) as raised:
        load(write(text.replace("prefix: prod", "password: [hush], url: hush://hush")))
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [", "line 1, column 5: expected the node content"),
        ("a: 1\na: 2", "line 2, column 1: the key a stands here twice"),
        ("- a", "must hold a mapping: offsets, sources and projections"),
        ("", "must hold a mapping"),
        ("1: a", "must hold a mapping"),
        ("a: \x07", "does not hold text that YAML allows"),
        ("a: &a [*a]", "is nested too deep, or holds itself"),
        ("a: &a {b: *a}", "is nested too deep, or holds itself"),
        ("a: " + "[" * 5000 + "]" * 5000, "is nested too deep, or holds itself"),
        ("a: " + "7" * 5000, "line 1, column 4: this is no value that can be read"),
        ("a: !!int seven", "line 1, column 4: this is no value that can be read"),
        ("a: !!bool perhaps", "line 1, column 4: this is no value that can be read"),
        ("a: !!timestamp soon", "line 1, column 4: this is no value that can be read"),
        ("a: !!map [b]", "line 1, column 4: expected a mapping node"),
    ],
)
def test_what_is_not_yaml_or_no_mapping_is_said_in_one_line(
    write: Write, text: str, expected: str
) -> None:
    (line,) = complaints(write(text))

    assert expected in line


@pytest.mark.parametrize("key", ["_cli_parse_args", "_case_sensitive", "self", "offset"])
def test_a_key_that_is_no_setting_is_refused_whatever_a_library_makes_of_it(
    write: Write, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    (_, line) = complaints(write(f"{key}: true\n{GOOD}"))

    assert line.startswith(f"{key}: unknown; ")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("character", ["\\0", "\\ud800"])
def test_a_text_that_no_file_system_takes_is_refused(write: Write, character: str) -> None:
    text = GOOD.replace(
        'redis: {url: "redis://localhost:6379/0", prefix: prod}', "sqlite: {path: x}"
    )

    (_, line) = complaints(write(text.replace("path: x", f'path: "a{character}b"')))

    assert (
        line
        == "offsets.sqlite.path: holds a character that no file and no server can be named with"
    )


def test_a_projection_named_by_a_number_is_one_problem(write: Write) -> None:
    (_, line) = complaints(write(GOOD.replace("customers:", "2024:")))

    assert line == "projections[2024]: must be a text"


def test_a_missing_file_is_said_in_one_line(tmp_path: Path) -> None:
    (line,) = complaints(tmp_path / "none.yaml")

    assert line.endswith(
        "No such file or directory: name the file with --config, or in PROJECTIONS_CONFIG"
    )


def test_the_only_source_need_not_be_named_and_of_several_one_must_be(write: Write) -> None:
    with pytest.raises(Misconfigured, match="name one with --source; there are main, streams"):
        load(write(GOOD)).only_source()
    one = GOOD.replace('  streams: {redis: {url: "redis://localhost:6379/1", streams: 8}}\n', "")
    assert load(write(one)).only_source() == "main"
