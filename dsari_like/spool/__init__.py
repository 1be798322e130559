"""The drop places: the only way in. What is found there is claimed, read, and handed on or refused with a reason."""
