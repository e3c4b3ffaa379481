"""The eligibility check: what the machine finds, what a person judges, and what it leads to."""
