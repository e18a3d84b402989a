"""Every way to serve a service on an offer, or the reason why not."""

from optimizer.candidates.enumerate import Candidate, CandidateSet, Option, enumerate_candidates
from optimizer.candidates.rejection import Rejection
from optimizer.candidates.replica import ClassSpeed, ReplicaSpeed, StatedCapacity

__all__ = [
    "Candidate",
    "CandidateSet",
    "ClassSpeed",
    "Option",
    "Rejection",
    "ReplicaSpeed",
    "StatedCapacity",
    "enumerate_candidates",
]
