"""The example company's exports as vendors send them: a vendor's objects, and how each writer writes objects down."""
