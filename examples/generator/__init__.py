"""The generator of the example company: deterministic for a seed, standard library only."""

from examples.generator.simulation import DEFAULT_SEED, Company, generate

__all__ = ["DEFAULT_SEED", "Company", "generate"]
