"""Integrators of Hamilton's equations, separable or not, as ASE drivers."""

from ase_rfhgn.dynamics.drivers import HamiltonianDynamics, ImplicitMidpoint, StormerVerlet

__all__ = ["HamiltonianDynamics", "ImplicitMidpoint", "StormerVerlet"]
