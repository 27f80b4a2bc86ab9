"""Rows by the batch: what a saved model says of tables that no memory holds."""
