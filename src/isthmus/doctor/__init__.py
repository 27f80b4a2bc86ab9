"""The doctor: what is wrong with a fitted model, seen in its three quantities. One function is one finding."""
