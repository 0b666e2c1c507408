"""Layouts whose labels are annotations in JSON, YAML and text files."""
