"""Letters about applications: worded by the coordinators of a call for each language, and kept as they were sent."""
