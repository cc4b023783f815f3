"""The loop, without a scheduler: what the flows call, one plain function for each of their steps."""
