"""Sparse dictionaries in the files of other libraries: one record that all of them can be read into."""
