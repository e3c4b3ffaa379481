"""The draw among applications that stand equal near the money line, where the call announced one."""
