"""Tests of fleets that services share."""
