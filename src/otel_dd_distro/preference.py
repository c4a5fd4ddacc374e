"""Which distro `opentelemetry-instrument` picks where several are installed and the user has named none: this one.

That command imports this module, by its entry point, before it starts the program. OpenTelemetry's loader would pick
the distro that it comes across first, which depends on the file system.
"""

from __future__ import annotations

import os

os.environ.setdefault("OTEL_PYTHON_DISTRO", "datadog")
