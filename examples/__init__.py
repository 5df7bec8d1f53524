"""An example company's exports, and the generator that made them."""
