"""The warm process, from which judges and workers are forked, and the client that starts it.

client        Judges: a pool that grades jobs; free of torch, like the four below
single_runs   labs and the code of lessons, run by one judge
judge_client  the connection to one judge
launchers     how the client starts judges
liveness      tells a stuck process from a slow one
messages      requests to the warm process, and its responses
process       the warm process: has imported torch and nothing of a course
preload       what it does once, so that no fork has to
resident      where a warm process that outlives its command is found
identity      which warm process a command may use
starters      how a judge starts workers
spawned       judges and workers where no safe fork exists
"""
