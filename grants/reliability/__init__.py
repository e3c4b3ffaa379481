"""How far reviewers agree, and who of them is severe. Information for people, never part of a score."""
