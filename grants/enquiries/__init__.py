"""What people ask about a call, whether they may apply, and what is answered."""
