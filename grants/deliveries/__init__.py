"""Mails that could not be delivered: who was not reached, and what is done about it."""
