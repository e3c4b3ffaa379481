"""Who is best asked to review what, computed for a whole call at once."""
