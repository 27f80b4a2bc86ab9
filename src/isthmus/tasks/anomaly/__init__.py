"""Anomaly detection: rows that cost more to send than normal rows do, under a stated budget of false alarms."""
