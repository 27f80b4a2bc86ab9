"""What the latents of a sparse dictionary fire on: one pass over the activations, one page for all of them."""
