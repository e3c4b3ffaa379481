"""Writing calls in the browser."""
