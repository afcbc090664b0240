"""The proof that a course is good.

exercises   right solutions pass, wrong ones fail and are named, texts and points agree
lessons     what lessons print and draw is what they show, and the rules of docs/lessons.md hold
update      writes into lessons what they print and draw
"""
