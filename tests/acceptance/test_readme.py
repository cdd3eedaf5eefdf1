"""What the README tells a newcomer to type works as it is written."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dev.stack import ROOT
from tests.acceptance.stacks import Stack

STEPS = re.compile(r"`make dev` keeps the stack up\..*?```sh\n(.*?)```", re.DOTALL)
EACH_STATUS = 'silent\nshow-error\nwrite-out = "\\n%{http_code}\\n"\n'


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README uses curl")
def test_the_steps_of_the_readme_work_as_written(stack: Stack, tmp_path: Path) -> None:
    """But for the port, which here is another, and a note from curl about each answer's status."""
    (steps,) = STEPS.findall((ROOT / "README.md").read_text())
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / ".curlrc").write_text(EACH_STATUS)
    told = subprocess.run(
        ["/bin/sh", "-euc", steps.replace("http://127.0.0.1:8000", stack.runtime.api)],
        cwd=tmp_path,
        env={
            "PATH": "/usr/bin:/bin",
            "CURL_HOME": str(tmp_path),
            "ONHAND_STATE_DIR": str(stack.place),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    bodies, statuses = told.stdout.splitlines()[::2], told.stdout.splitlines()[1::2]
    assert statuses == ["201", "201", "201", "200"], told.stdout
    product, receipt, checkout, shelf = map(json.loads, bodies)
    assert (product["sku"], product["price_minor"]) == ("LAMP", 8_900)
    assert receipt["lines"] == [{"sku": "LAMP", "quantity": 10}]
    assert checkout["payment"]["amount_minor"] == 2 * 8_900
    assert (shelf["on_hand"], shelf["reserved"], shelf["available"]) == (10, 2, 8)
