"""What the tests of accounts count with."""

from tests.accounts.conftest import count_queries

__all__ = ["count_queries"]
