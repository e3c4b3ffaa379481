"""The first page of each role: what awaits a person, the most urgent first; and the way to everything else."""
