"""Settings, logging and telemetry: read once at the edges (cli, api, worker, dev), passed inward as values."""
