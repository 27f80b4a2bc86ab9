"""Whether a detector has the power that its task asks for."""
