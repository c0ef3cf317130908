"""Contests by text: a word, one entry a number, and a draw that anybody can repeat."""
