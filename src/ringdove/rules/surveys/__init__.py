"""Surveys: what is asked, how an answer is heard, and what follows from it."""
