"""What a class handed in: archives and folders of learning platforms, rosters, and whose file is for what."""
