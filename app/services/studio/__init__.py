"""The policy studio: what a release says, and how it differs from another."""
