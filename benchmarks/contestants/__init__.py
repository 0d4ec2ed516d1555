"""Contestants: a module a framework, with our class, the best known peer, and the floor."""
