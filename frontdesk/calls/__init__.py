"""The ledger: every call that Frontdesk ever accepted, until its one end.

models        what is told to the ledger: `NewCall` and `Fact`
life          the life of a call, a pure function of its facts
reasons       why calls end: who ended them, whether to try again, what to do
tables        where it is kept
ledger        records facts durably, many in one commit
reaper        ends what fell silent, hangs up what must not go on
routes        the record over HTTP
"""
