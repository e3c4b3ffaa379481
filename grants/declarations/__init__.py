"""Asking everybody who judges about their ties, for a year and for a call, and the register of what they answered."""
