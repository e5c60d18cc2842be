"""What Alembic runs for each command: all our tables against the connection that it was given."""

from alembic import context

import frontdesk.calls.tables
import frontdesk.campaigns.tables
import frontdesk.crm.tables
import frontdesk.daily.tables
import frontdesk.engine.tables
import frontdesk.gate.tables
import frontdesk.keys.tables
import frontdesk.patients.tables
import frontdesk.retention.tables  # noqa: F401 - imported so that METADATA knows the tables
from frontdesk.storage.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    transactional_ddl=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
