"""Who is measured: a module a framework, in each ours, the best known peer, and the floor."""
