"""One organization's answer to one call: drafting, budget, eligibility check, submission."""
