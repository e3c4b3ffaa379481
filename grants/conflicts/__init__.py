"""Who stands too close to whom: what people declare, what is computed, and what it hides from them."""
