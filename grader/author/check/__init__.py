"""The proof that a course is good.

exercises   right solutions pass, wrong ones fail and are named, texts and points agree
lessons     lessons one by one: their code is run, and all that is wrong is told
outputs     what their code prints is what stands in them
pictures    what they draw is what is kept
"""
