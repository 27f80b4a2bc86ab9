"""What autoencoders are used for. Every task reads one of the three quantities: code, rate or distortion."""
