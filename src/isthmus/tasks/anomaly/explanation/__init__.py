"""What is said of an alarm beyond its score."""
