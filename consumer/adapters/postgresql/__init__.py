"""PostgreSQL, through psycopg 3 (the extra `postgres`)."""

from consumer.errors import Misconfigured

try:
    import psycopg as _  # noqa: F401  whether it is there, said before any module here needs it
except ImportError as cause:
    raise Misconfigured(
        f"PostgreSQL needs psycopg: pip install 'projection-consumer[postgres]' ({cause})"
    ) from None
