"""Every deadline upstream; who is reminded; never twice."""
