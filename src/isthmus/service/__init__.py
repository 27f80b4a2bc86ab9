"""The service: detectors behind HTTP, and the store of what they said and what people answered."""
