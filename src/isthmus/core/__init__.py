"""The vocabulary: what the data is (`spec`), what flows (`code`, `network`), who learns (`player`)."""
