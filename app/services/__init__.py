"""What people and jobs can ask for: one verb a function, one transaction each; `_step` is the spine that moves a case.

What goes together lies together: `inbox`, `paperwork`, `outward`, `history`, `audit`. The rest is cases and the work on them.
"""
