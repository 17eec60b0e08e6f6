"""`python -m consumer` is `projections`."""

from consumer.cli import main

main()
