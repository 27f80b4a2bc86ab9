"""The store: scores, alerts, verdicts, thresholds, versions, drift, runs and the audit trail, in one database."""
