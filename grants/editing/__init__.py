"""A call while it is written in the browser: its key facts, questions, criteria, rules and documents asked for."""
