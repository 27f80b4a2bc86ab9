"""Anomaly detection in time series: windows are scored, points judged, episodes told."""
