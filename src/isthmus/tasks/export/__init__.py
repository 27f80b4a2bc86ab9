"""Models and detectors as files that other runtimes read, each with the proof that it answers as the original did."""
