"""The front door: HTTP in; one workflow, one command or one question out.

The API decides nothing about stock or money. It knows who asks, what may be asked, and how to tell the answer.
"""
