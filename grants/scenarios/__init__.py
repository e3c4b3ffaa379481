"""What the committee could award: proposals within the money and the promises of a call."""
