"""The verifier that travels with every exported bundle. It imports nothing of the program, and nothing imports it."""
