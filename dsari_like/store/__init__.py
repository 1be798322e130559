"""The run log: one SQLite database, one writer (the daemon), any number of readers."""
