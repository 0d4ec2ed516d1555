"""Benchmarks (``make bench``): speed and memory against the best known peers and the floor."""
