"""Official papers: drawn up from a case's record, filled, issued, replaced; and their templates."""
