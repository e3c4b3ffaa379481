"""Files on their way over a weak line: piece by piece, photographs into one PDF, and the look for viruses."""
