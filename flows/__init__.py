"""When things happen: Prefect's flows. Each gets, calls and puts; what they do is in marquee.loop."""
