"""Visits to grantees: planned, made, written down, shared with the grantee, and what was agreed there."""
