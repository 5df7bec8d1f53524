"""Exports → landed → validated → clean → staged."""
