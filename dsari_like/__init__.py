"""dsari_like: drop a file, it runs, anyone can see what happened."""

__version__ = "0.1.0"
