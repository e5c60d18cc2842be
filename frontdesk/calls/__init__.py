"""The ledger: every call that Frontdesk ever accepted, until its one end.

models        what is told to the ledger: `NewCall` and `Fact`
state         what the life of a call remembers; orders: what it asks of the world
life          the life of a call, a pure function of its facts; life_*: by source, and by the clock
deadlines     when the clock must act; evidence, verdicts: what facts amount to, how a call ended
ledger        records facts durably, many in one commit
batch, store  what one commit folds, and its SQL; tables, rows: where it is kept
reaper        ends what fell silent, hangs up what must not go on; cancel: calls off
gateways      which of the gateways that share the database are alive
queries       the record for readers; routes: over HTTP; cli, tail, board: in a terminal
reasons       writes the page of why calls end
"""
