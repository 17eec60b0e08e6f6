from consumer.adapters.postgresql.ddl import ddl, index_name
from consumer.model.table import Column, Kind, Table

ORDERS = Table(
    "orders",
    (
        Column("id", Kind.UUID),
        Column("order", Kind.TEXT),
        Column("customer", Kind.TEXT, nullable=True),
        Column("note", Kind.TEXT, nullable=True),
        Column("total", Kind.DECIMAL),
        Column("tags", Kind.TEXT, array=True),
    ),
    key=("id", "order"),
    indexes=(("customer", "total"),),
)


def test_the_tables_are_printed_as_they_are_made() -> None:
    printed = ddl([ORDERS], schema="shop")

    assert 'CREATE SCHEMA IF NOT EXISTS "shop";' in printed
    assert 'CREATE TABLE IF NOT EXISTS "shop"."projection_offsets" (' in printed
    assert (
        'CREATE TABLE IF NOT EXISTS "shop"."orders" (\n'
        '    "id" uuid NOT NULL,\n'
        '    "order" text COLLATE "C" NOT NULL,\n'
        '    "customer" text COLLATE "C",\n'
        '    "note" text,\n'
        '    "total" numeric NOT NULL,\n'
        '    "tags" text[] NOT NULL,\n'
        '    PRIMARY KEY ("id", "order")\n'
        ");\n"
        'CREATE INDEX IF NOT EXISTS "orders_customer_total_idx" ON "shop"."orders" ("customer", "total");\n'
    ) in printed


def test_names_of_indexes_are_not_cut_to_the_same() -> None:
    name = "t" * 60
    columns = (Column("one", Kind.TEXT), Column("other", Kind.TEXT))
    table = Table(name, columns, ("one",))

    names = {index_name(table, ["one"]), index_name(table, ["other"])}
    assert len(names) == 2
    assert all(len(each) <= 63 for each in names)
