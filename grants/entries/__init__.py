"""Applications that the fund types for an organization without a line, and their confirmation by the organization."""
