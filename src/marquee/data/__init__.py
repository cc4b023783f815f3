"""What happened, and what there is to watch."""
