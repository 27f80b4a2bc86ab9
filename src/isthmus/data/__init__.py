"""Data in and out: files, tables and arrays as tensors, batches from memory or from files, bundled sets."""
