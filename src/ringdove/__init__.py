"""Ringdove: the SMS desk of an online store.

Hear, answer, speak: what happens is written once as a fact (a door), answered by pure rules
(`ringdove.rules`), and what follows is spoken by a gateway. ARCHITECTURE.md draws the rooms.
"""

__version__ = "0.1.0"
