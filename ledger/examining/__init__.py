"""Whether the ledger is what it says it is: every chain, every row, every promise, at one moment.

Reads only, in memory that does not grow with the ledger. What it finds is said in words for the person
who has to act; nothing here mends anything.
"""
