"""What goes on inside a network: activations collected, dictionaries of them put to use, and what that does to it."""
