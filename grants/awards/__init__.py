"""Award, agreement, conditions, milestones."""
