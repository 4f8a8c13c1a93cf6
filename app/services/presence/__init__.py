"""Who is there: people away for a time and who stands in for them, and who is on duty."""
