"""What happens to everything that cannot work: one error each, in three parts."""
