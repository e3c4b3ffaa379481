"""Conflict declarations, assignment, scores, third review."""
