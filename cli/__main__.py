"""`python -m cli`: the same as `onhand`, for where the script is not on the PATH."""

from __future__ import annotations

from cli.main import main

main()
