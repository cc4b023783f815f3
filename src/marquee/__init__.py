"""Marquee decides what a viewer should watch next."""
