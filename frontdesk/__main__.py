"""`python -m frontdesk`: the command line."""

from frontdesk.cli import app

app(prog_name="frontdesk")
