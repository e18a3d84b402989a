"""Every way to serve a service on an offer, or the reason why not."""

from optimizer.candidates.enumerate import Candidate, CandidateSet, enumerate_candidates
from optimizer.candidates.market import Market
from optimizer.candidates.option import Option
from optimizer.candidates.rejection import Rejection
from optimizer.candidates.rejections import Rejections
from optimizer.candidates.replica import ClassSpeed, ReplicaSpeed, StatedCapacity
from optimizer.candidates.routed import RoutedSpeed
from optimizer.candidates.shelf import Shelf

__all__ = [
    "Candidate",
    "CandidateSet",
    "ClassSpeed",
    "Market",
    "Option",
    "Rejection",
    "Rejections",
    "ReplicaSpeed",
    "RoutedSpeed",
    "Shelf",
    "StatedCapacity",
    "enumerate_candidates",
]
