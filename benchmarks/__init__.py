"""Benchmarks: speed and memory against the best known peers and against the floor: ``make bench``."""
