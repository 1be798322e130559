"""The crash matrix: the real daemon is killed before each of its system calls, in storms, and by power cuts.

pytest runs a short selection; all of it is `python -m tests.crash --full`, about twenty minutes.
"""
