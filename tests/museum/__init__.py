"""How other systems failed, and what ours shows instead; each test names where it happened."""
