"""WHEN things run: a room for each stretch of the way, one for Dagster, and one for the commands."""
