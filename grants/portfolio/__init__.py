"""The home of each role and the lists over all of the above."""
