"""Spark: events that are read where they lie, validated and kept there. An extra; only who asks for it loads it."""
