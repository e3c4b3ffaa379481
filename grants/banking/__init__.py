"""Payment orders for the bank, and what its statements say of them."""
