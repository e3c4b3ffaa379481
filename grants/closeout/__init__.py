"""Final checks, refund, archive, retention."""
