"""What is owed and when; narrative and financial reports; return and acceptance."""
