"""Encoders and decoders: everything that flows between the data and the narrow place."""
