"""What a few labelled rows add to a detector."""
