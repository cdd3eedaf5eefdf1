"""The zero-set-up mode: real servers embedded on this machine, and a supervisor that keeps the whole stack up."""
