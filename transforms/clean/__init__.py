"""Vendor columns → canonical tables."""
