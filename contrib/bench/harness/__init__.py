"""What the benchmarks share: rows of the table, interleaved timing, processes with deadlines, mounts, trees, caches."""
