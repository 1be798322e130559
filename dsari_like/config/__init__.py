"""The configuration: what may be written (schema), what it means (build), where it is read from (files)."""
