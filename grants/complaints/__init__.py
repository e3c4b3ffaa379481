"""Complaints of applicants about the eligibility check or the decision, and what becomes of them."""
