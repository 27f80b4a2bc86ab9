"""The narrow places. Each owns its sampling, its integer form and its bitstream."""
