"""Correcting a published call."""
