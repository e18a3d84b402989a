"""Proofs that nothing cheaper exists, found without any solver and checked by a program of its own."""
