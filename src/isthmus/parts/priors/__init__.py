"""What a receiver expects before anything arrives: distributions of codes to draw from and to weigh codes by."""
