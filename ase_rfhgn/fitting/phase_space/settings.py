"""Settings of a fit in phase space, checked."""

from __future__ import annotations

from dataclasses import dataclass

from ase_rfhgn.errors import SettingsError
from ase_rfhgn.features.phase_space.initialise import NetworkArchitecture
from ase_rfhgn.features.phase_space.inputs import AXES, EDGE_INPUTS, NODE_INPUTS, Encoding
from ase_rfhgn.fitting.setting_checks import check_choice, check_number, check_optional
from ase_rfhgn.fitting.settings import SAMPLERS
from ase_rfhgn.fitting.target_settings import TargetSettings

NETWORKS = ("graph", "vector")
KINETIC = ("learned", "known")

DEFAULT_UNITS = {"graph": (128, 64, 256), "vector": (512, 0, 0)}
"""Units of the node encoder, the edge encoder and the message constructor, by the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSpaceSettings(TargetSettings):
    """Settings of a fit in phase space; see `ase_rfhgn.fitting.phase_space.fit.fit_phase_space`."""

    network: str = "graph"
    kinetic: str = "learned"
    axes: str = "nearest node"
    node_inputs: tuple[str, ...] | None = None
    edge_inputs: tuple[str, ...] = EDGE_INPUTS
    sampler: str = "swim"
    node_units: int | None = None
    edge_units: int | None = None
    message_units: int | None = None
    cutoff: float | None = None
    smooth_cutoff: bool = False
    dimensions: int | None = None
    ridge: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every setting.

        Raises
        ------
        SettingsError
            If a setting lies outside of what is allowed.
        """
        TargetSettings.__post_init__(self)  # a class with slots is made anew, and super() would look for the old one
        choices = {"network": NETWORKS, "kinetic": KINETIC, "axes": AXES, "sampler": SAMPLERS}
        for name, allowed in choices.items():
            check_choice(name, getattr(self, name), allowed)
        self._check_inputs("node_inputs", self.node_inputs or (), NODE_INPUTS)
        self._check_inputs("edge_inputs", self.edge_inputs, EDGE_INPUTS)
        for name in ("node_units", "edge_units", "message_units"):
            check_optional(name, getattr(self, name), 1, 65536, whole=True)
        check_optional("dimensions", self.dimensions, 1, 3, whole=True)
        check_number("seed", self.seed, 0, 2**63 - 1, whole=True)
        check_optional("cutoff", self.cutoff, 1e-6, 1e6)
        check_optional("ridge", self.ridge, 1e-30, 1e6)
        self._check_together()

    @property
    def seen_by_nodes(self) -> tuple[str, ...]:
        """Inputs of the node encoder: positions, and momenta where the kinetic energy is learned."""
        if self.node_inputs is not None:
            return self.node_inputs
        return NODE_INPUTS if self.kinetic == "learned" else NODE_INPUTS[:1]

    @property
    def units(self) -> tuple[int, int, int]:
        """Units of the node encoder, the edge encoder and the message constructor."""
        default = DEFAULT_UNITS[self.network]
        given = self.node_units, self.edge_units, self.message_units
        node, edge, message = (d if g is None else int(g) for d, g in zip(default, given, strict=True))
        return node, edge, message

    @property
    def architecture(self) -> NetworkArchitecture:
        """Kind, inputs and size of the network."""
        return NetworkArchitecture(
            network=self.network,
            encoding=Encoding(self.axes, self.seen_by_nodes, self.edge_inputs),
            units=self.units,
            sampler=self.sampler,
            smooth_cutoff=self.cutoff if self.smooth_cutoff else None,
        )

    @staticmethod
    def _check_inputs(name: str, value: object, allowed: tuple[str, ...]) -> None:
        if not isinstance(value, tuple) or len(set(value)) < len(value) or not set(value) <= set(allowed):
            message = f"{name} is {value!r}: it must be a tuple of any of {', '.join(allowed)}, each at most once"
            raise SettingsError(message)

    def _check_together(self) -> None:
        """Refuse settings that contradict each other."""
        if self.kinetic == "known" and "momentum" in self.seen_by_nodes:
            message = 'kinetic="known" adds p²/2m to a function of the positions: leave "momentum" out of node_inputs'
            raise SettingsError(message)
        if self.smooth_cutoff and self.cutoff is None:
            message = "smooth_cutoff is True, but there is no cutoff: give its distance (Å), or leave smooth_cutoff out"
            raise SettingsError(message)
        if self.network == "vector" and (self.cutoff is not None or not self.seen_by_nodes):
            message = 'network="vector" sees nodes and no edges: leave out cutoff, and give node_inputs'
            raise SettingsError(message)
        if self.network == "graph" and not (self.seen_by_nodes or self.edge_inputs):
            message = "node_inputs and edge_inputs are empty: the network would see nothing"
            raise SettingsError(message)
