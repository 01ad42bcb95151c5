"""The answer as evidence: how probable it is that an answer is right, and whether the next rung of the ladder is worth its price."""
