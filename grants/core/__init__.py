"""What every package stands on; knows nothing about grants."""
