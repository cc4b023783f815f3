"""Everything that runs when Marquee is up: which programs (parts), and how they live in one terminal (together)."""
