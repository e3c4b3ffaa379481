"""Committee meetings, ranked list, recusals, votes, decisions, letters."""
