"""Failures in a suite that is inherited show their values, as those in a test file do."""

import pytest

for suite in ("offset_store", "presence", "audit", "read_model", "read_model_values"):
    pytest.register_assert_rewrite(f"tests.contracts.{suite}_contract")
