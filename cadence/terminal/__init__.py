"""A reader of one room in a terminal: what `cadence join` runs. A client like any other.

machine     what happens when a frame, a typed line or a cut arrives (pure)
events      what can happen, and what it can ask for (pure)
link        coming in and coming back (pure)
commands    what a typed line asks for (pure)
saying      what was typed and is not durable yet (pure)
opening     the originals of one turn, as they come (pure)
kept        what is remembered of what was printed (pure)
people      names and steady colours (pure)
paint       turns and messages as lines (pure)
text        a line, and text that cannot harm a terminal (pure)
editor      keys to lines (pure)
screen      lines to a terminal or a pipe
shell       the loop around the machine: one connection, one keyboard, one timer
"""
