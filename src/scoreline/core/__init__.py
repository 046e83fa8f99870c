"""The nouns of Scoreline: frozen values and pure functions, no input or output."""
