"""Failures in a suite that is inherited show their values, as those in a test file do."""

import pytest

pytest.register_assert_rewrite("tests.contracts.offset_store_contract")
