"""People, organizations, memberships, roles, signing in."""
