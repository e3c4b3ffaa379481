"""Lists taken out as files, and filters that people keep."""
