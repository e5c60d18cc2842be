"""Speech on the phone line: voices, the G.711 line, and a listener that understands from samples alone.

`voice` speaks (espeak-ng), `line` is what a phone line does to samples, `phrasebook` holds what may be said
in a simulated conversation, `listener` finds those phrases in the samples that arrive, never out of band.
"""
