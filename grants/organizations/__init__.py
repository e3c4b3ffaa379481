"""What an organization's account holds: who asks to join, documents, identifiers, its fiscal sponsor, second accounts."""
