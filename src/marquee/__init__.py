"""Marquee decides what a viewer should watch next."""

import os

# Work is shared out between threads here; libraries that start their own on top of them wait for one another.
# They read this when they are first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
