"""Papers of the committee: the pack of each member, the minutes and the decision sheet as documents."""
