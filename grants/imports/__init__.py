"""Awards of an earlier programme, brought along from a table."""
