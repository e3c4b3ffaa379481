"""Correcting a published call: what may still change, what becomes of applications begun, and who is told."""
