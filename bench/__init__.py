"""Side-by-side benchmarks: the node, nginx and peers serving the same model, interleaved in one run."""
