"""Bank accounts, tranches and their conditions, two-person disbursement, ledger."""
