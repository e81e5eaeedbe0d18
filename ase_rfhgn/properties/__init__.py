"""Quantities of structures by a potential, with error bars: relaxations, elastic constants, phonons and more."""
