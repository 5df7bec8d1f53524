"""Exports in stores, asked of servers on this machine."""
