"""Looking back: a case's story, its replay, all cases at once, samples and event logs."""
