"""The loops beside the workflows, and the worker as a process."""
