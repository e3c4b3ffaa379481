"""Changes of a signed grant: requests, amendments, notices of budget changes, versions, and the end before its time."""
