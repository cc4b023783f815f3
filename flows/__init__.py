"""When things happen: Prefect's flows. Each gets, calls and puts; what they do is in marquee.loop."""

import os

for _quiet in ("DO_NOT_TRACK", "DVC_NO_ANALYTICS", "MLFLOW_DISABLE_TELEMETRY"):
    os.environ.setdefault(_quiet, "true")
