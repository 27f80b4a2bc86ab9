"""What networks are composed of: entries, backbones, bottlenecks, likelihoods, and the terms of objectives."""
