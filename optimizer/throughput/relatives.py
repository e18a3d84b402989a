"""Measured rows of the same model: how far they lie from the estimate says how far its other rows will.

The logarithm of measured over estimated is taken as a Gaussian process over replicas and requests: the deviations of
two rows are the more alike, the more traits their replicas share and the nearer their requests are (Rasmussen and
Williams, Gaussian Processes for Machine Learning, 2006, chapter 2). One measured row thus rescales the estimate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optimizer.schema.calibration import FittedTerms, Kinship
from optimizer.throughput.physics import Vector
from optimizer.throughput.traits import Traits, value_of

ALIKE, SMOOTH, ROUGH = 0, 1, 2
"""Ways in which a shared deviation falls with the distance of the requests: not at all, smoothly, at once."""


@dataclass(frozen=True, slots=True)
class Places:
    """Rows, by what they have in common and by where their requests lie."""

    traits: tuple[Traits, ...]
    lengths: Vector
    """n x 4: ln ISL, ln OSL, log2 GPUs, age of the software in years x `Kinship.years`."""
    ln_counts: Vector
    """n: ln of requests in flight."""
    curves: npt.NDArray[np.int64]
    """n: number of the curve that a row belongs to."""
    noise: Vector
    """n: standard deviation of what a row shares with no other."""


def length_columns(isl: Iterable[int], osl: Iterable[int], gpus: Iterable[int], ages: Vector | None = None) -> Vector:
    """Return n x 4: ln ISL, ln OSL, log2 GPUs, age; what is deployed has none."""
    logs = np.log(np.array([list(isl), list(osl), list(gpus)], dtype=float)).T * np.array([1.0, 1.0, 1 / np.log(2)])
    return np.column_stack([logs, np.zeros(len(logs)) if ages is None else ages])


def distances(one: Vector, other: Vector) -> Vector:
    """Return the Euclidean distance of each row of one to each row of the other."""
    squares = np.sum(one**2, 1)[:, None] + np.sum(other**2, 1)[None, :] - 2 * one @ other.T
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


def distances_of_each(one: Vector, other: Vector) -> Vector:
    """Return the same without a matrix product, difference by difference."""
    squares = np.zeros((len(one), len(other)))
    for column in range(one.shape[1]):
        squares += (one[:, column, None] - other[None, :, column]) ** 2
    return np.asarray(np.sqrt(squares))


UNKNOWN = -2
"""Code of a value that no row has."""


@dataclass(frozen=True, slots=True)
class Way:
    """One trait in which rows may be alike, and what those that are share."""

    trait: str
    falls: int
    variance: float
    fitted: frozenset[str] = frozenset()
    """Values whose effect is fitted for all models: rows of these share nothing more."""


def ways_of(fitted: FittedTerms, kinship: Kinship) -> list[Way]:
    """List how rows of one model may be alike; a value whose effect nobody has fitted yet shares that too."""
    kinds = ((ALIKE, kinship.alike), (SMOOTH, kinship.smooth), (ROUGH, kinship.rough))
    ways = [Way(trait, falls, spread**2) for falls, spreads in kinds for trait, spread in spreads.items()]
    return ways + [
        Way(trait, ALIKE, spread**2, frozenset(fitted.effects.get(trait, {})))
        for trait, spread in fitted.effect_spread.items()
    ]


class Relatives:
    """The measured rows of one model: what their deviations say about any replica of it."""

    def __init__(self, fitted: FittedTerms, kinship: Kinship, places: Places) -> None:
        self.kinship, self.places = kinship, places
        self.ways = ways_of(fitted, kinship)
        self.books: list[dict[str, int]] = [{} for _ in self.ways]
        self.codes = [self._codes(way, book) for way, book in zip(self.ways, self.books, strict=True)]
        self._falls_at: dict[tuple[int, ...], tuple[Vector, Vector]] = {}

    def _codes(self, way: Way, book: dict[str, int]) -> npt.NDArray[np.int64]:
        """Number the values of a trait; -1 where its effect is fitted already."""
        values = [value_of(traits, way.trait) for traits in self.places.traits]
        return np.array([-1 if value in way.fitted else book.setdefault(value, len(book)) for value in values])

    def _fall(self, apart: Vector, apart_counts: Vector) -> tuple[float, Vector, Vector]:
        """Return what is left of a shared deviation at a distance, for `ALIKE`, `SMOOTH` and `ROUGH`."""
        kinship = self.kinship
        smooth = np.exp(-(apart**2 + apart_counts**2) / (2 * kinship.smooth_length**2))
        return 1.0, smooth, np.exp(-(apart + apart_counts) / kinship.rough_length)

    def covariance(self) -> Vector:
        """Return the covariance of the rows' deviations, noise included."""
        places, kinship = self.places, self.kinship
        apart_counts = np.abs(places.ln_counts[:, None] - places.ln_counts[None, :])
        falls = self._fall(distances(places.lengths, places.lengths), apart_counts)
        same_curve = places.curves[:, None] == places.curves[None, :]
        total = np.diag(places.noise**2) + kinship.run**2 * same_curve * np.exp(-apart_counts / kinship.rough_length)
        for way, codes in zip(self.ways, self.codes, strict=True):
            same = (codes[:, None] == codes[None, :]) & (codes[:, None] >= 0)
            total += way.variance * same * falls[way.falls]
        return np.asarray(total)

    def weigh(self, deviations: Vector) -> Vector:
        """Return what each row's deviation weighs: covariance^-1 deviations."""
        return np.asarray(np.linalg.solve(self.covariance(), deviations))

    def digest(self, deviations: Vector) -> str:
        """Return the hash of everything that the weights follow from, to nine decimals."""
        places = self.places
        numbers = (deviations, places.lengths, places.ln_counts, places.noise)
        digest = hashlib.sha256(self.kinship.model_dump_json().encode())
        digest.update(repr([(way.trait, way.falls, way.variance) for way in self.ways]).encode())
        for column in numbers:
            digest.update((np.round(column, 9) + 0.0).tobytes())  # + 0.0: no negative zeros
        for codes in (*self.codes, places.curves):
            digest.update(codes.astype(np.int64).tobytes())
        return digest.hexdigest()

    def shared(self, traits: Traits) -> list[Vector]:
        """Return the variance that a replica shares with each row where their requests agree, by how it falls."""
        found = [np.zeros(len(self.places.curves)) for _ in (ALIKE, SMOOTH, ROUGH)]
        for way, book, codes in zip(self.ways, self.books, self.codes, strict=True):
            code = book.get(value_of(traits, way.trait))
            if code is not None:
                found[way.falls] += way.variance * (codes == code)
        return found

    def count_falls(self, counts: tuple[int, ...]) -> tuple[Vector, Vector]:
        """Return what is left of `SMOOTH` and `ROUGH` at k numbers of requests in flight: rows x k each."""
        if counts not in self._falls_at:
            ln_counts = np.log(np.array(counts, dtype=float))
            apart = np.abs(self.places.ln_counts[:, None] - ln_counts[None, :])
            self._falls_at[counts] = self._fall(np.zeros_like(apart), apart)[1:]
        return self._falls_at[counts]

    def deviations(self, weights: Vector, traits: Traits, lengths: Vector, counts: tuple[int, ...]) -> Vector:
        """Return the expected deviations, ln(measured / estimated), of one replica for m kinds of requests.

        Args:
            weights: of the rows, from `weigh`.
            traits: the replica's.
            lengths: m x 4, as in `Places`.
            counts: k numbers of requests in flight.

        Returns:
            m x k.
        """
        alike, smooth, rough = self.shared(traits)
        smooth_at, rough_at = self.count_falls(counts)
        apart = distances(lengths, self.places.lengths)
        _, near_smooth, near_rough = self._fall(apart, np.zeros_like(apart))
        return np.asarray((near_smooth * (smooth * weights)) @ smooth_at
                          + (near_rough * (rough * weights)) @ rough_at + alike @ weights)

    def deviations_of_each(
        self, weights: Vector, traits: Sequence[Traits], lengths: Vector, counts: tuple[int, ...]
    ) -> Vector:
        """Return the expected deviations of n replicas, each for requests of its own: n x k.

        Sums run row by row (no matrix library), so that an answer does not depend on what else is asked with it.
        """
        shared = [np.zeros((len(traits), len(weights))) for _ in (ALIKE, SMOOTH, ROUGH)]
        for way, book, codes in zip(self.ways, self.books, self.codes, strict=True):
            asked = np.array([book.get(value_of(one, way.trait), UNKNOWN) for one in traits])
            shared[way.falls] += way.variance * (asked[:, None] == codes[None, :])
        alike, smooth, rough = shared
        smooth_at, rough_at = self.count_falls(counts)
        apart = distances_of_each(lengths, self.places.lengths)
        _, near_smooth, near_rough = self._fall(apart, np.zeros_like(apart))
        return np.asarray(
            np.einsum("nr,rk->nk", near_smooth * smooth * weights, smooth_at)
            + np.einsum("nr,rk->nk", near_rough * rough * weights, rough_at)
            + np.einsum("nr,r->n", alike, weights)[:, None])
