"""What is owed on grants: by whom, to whom, by when, and how much money waits on it."""
