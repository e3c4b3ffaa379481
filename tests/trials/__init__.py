"""Trying the form of a call."""
