"""Inputs that are wrong, one line each, with what must come of them."""
