"""Hand-ins of a class: reads archives, folders and rosters, and assigns each file to a student and an item."""
