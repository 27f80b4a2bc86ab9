"""Learning on: what people say of alarms, detectors of fresh rows, and which of them may serve."""
