"""HOW rows become rows: frames in, frames out. No file, no database, no clock; `as_of` is an argument."""
