"""Reading a part of a lesson in a terminal.

formula    TeX as text in one line
table      rows of cells in columns
markdown   Markdown as lines
blocks     each block of a part as lines
reading    a part piece by piece: what is asked, what waits for a key, where the reader stopped
terminal   keys and lines of a real terminal
order      which part or exercise comes next
"""
