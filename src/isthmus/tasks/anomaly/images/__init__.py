"""Defects in images: where one is, and which images have one, learnt from good images alone."""
