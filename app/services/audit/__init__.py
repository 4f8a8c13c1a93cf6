"""The record, proved: its chain, the log with its signed heads, what others kept, and every command run again."""
