"""Sections, questions, conditions, limits in several languages; answers and their checks."""
