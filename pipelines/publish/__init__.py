"""Audit → published."""
