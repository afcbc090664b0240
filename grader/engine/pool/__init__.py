"""The warm process, from which judges and workers are forked, and the client that starts it.

client     starts it and its judges, and hands out jobs: free of torch
messages   what it is asked, and what it tells
process    the program: has imported torch and nothing of a course
imports    what it does once, so that no fork has to
starters   what it gives to a judge to start workers with
spawned    judges and workers where no safe fork exists
"""
