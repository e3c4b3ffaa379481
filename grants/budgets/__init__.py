"""Budgets: what lines add up to under their headings, who pays, which limits of the call they keep."""
