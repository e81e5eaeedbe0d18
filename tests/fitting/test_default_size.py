"""Default sizes: four elements or fewer are full, more elements share about as many columns, every one has some."""

from __future__ import annotations

import pytest

from ase_rfhgn.fitting.default_size import FEWEST_CHANNELS, MOST_FEATURES, default_size


def features(n_species: int, degree: int = 3, correlation: int = 4) -> int:
    """Return the number of features of all elements."""
    channels, projections = default_size(n_species, degree, correlation)
    return n_species * channels * (2 + degree + projections * (correlation - 2))


def test_few_elements_have_full_sizes() -> None:
    assert default_size(1, 3, 4) == (40, 5)
    assert {default_size(n, 3, 4) for n in (2, 3, 4)} == {(64, 4)}


@pytest.mark.parametrize("n_species", range(5, 60))
def test_columns_of_many_elements_do_not_grow(n_species: int) -> None:
    assert 0.7 * MOST_FEATURES < features(n_species) <= max(MOST_FEATURES, 7 * FEWEST_CHANNELS * n_species)


@pytest.mark.parametrize(("degree", "correlation"), [(0, 2), (3, 2), (4, 5), (6, 3)])
def test_every_element_has_features_whatever_their_kind(degree: int, correlation: int) -> None:
    for n_species in (1, 2, 5, 20, 100):
        channels, projections = default_size(n_species, degree, correlation)
        assert channels >= FEWEST_CHANNELS
        assert projections >= 1
