"""Measurements of our own work."""
