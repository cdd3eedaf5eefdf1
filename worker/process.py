"""How each process of this room begins: its logs, its metrics, its drills, and an ear for being told to end."""

from __future__ import annotations

import asyncio
import signal

from prometheus_client import start_http_server

from ledger.drills import arm_drills
from settings.logging import configure
from settings.model import DrillSettings, TelemetrySettings


def begun(telemetry: TelemetrySettings, drill: DrillSettings) -> asyncio.Event:
    """Set a process up; give what SIGTERM and SIGINT set from now on. Needs a running event loop."""
    configure(telemetry.log_level, telemetry.log_format)
    if telemetry.metrics_port:
        start_http_server(telemetry.metrics_port)
    arm_drills(drill.drill_directory)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
