"""Canonical tables → facts and dimensions."""
