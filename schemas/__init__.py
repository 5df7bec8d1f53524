"""WHAT a table is: one contract a table, from which everything else about its columns is derived."""
