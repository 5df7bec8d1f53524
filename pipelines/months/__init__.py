"""Staged tables → facts → metrics → explanations, month by month."""
