"""The Pilot Fund: the life of a grant, from the published call to the closed award."""
