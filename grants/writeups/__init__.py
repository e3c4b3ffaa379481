"""Reports that the fund writes up after a conversation with a grantee, and their confirmation by the grantee."""
