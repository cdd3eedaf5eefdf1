"""A second ledger, in dictionaries: what the first one must answer and must hold after every command.

It is written from the design alone. From the product it takes commands and enums, and no rule.
"""
