"""Calls for proposals: dates, envelope, lots, eligibility rules, criteria, documents asked for."""
