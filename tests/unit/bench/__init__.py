"""What benchmarks make of what they measured."""
