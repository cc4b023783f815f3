"""Answering: the model and the event store behind HTTP. What is said is in answers/, how it is reached in app.py."""
