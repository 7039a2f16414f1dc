"""The four group roles of the results database. They cannot log in; login users are members of one.

=====================  =====================================================================================
anyanomaly_owner       owns every table, runs migrations, and alone may lift a legal hold
anyanomaly_writer      the tasks: registers footage, writes scores, coverage and events
anyanomaly_reviewer    the review pages: reads everything, writes verdicts and holds
anyanomaly_reader      BI tools: reads
=====================  =====================================================================================
"""

from psycopg2 import extensions as pg

OWNER = "anyanomaly_owner"
WRITER = "anyanomaly_writer"
REVIEWER = "anyanomaly_reviewer"
READER = "anyanomaly_reader"
GROUP_ROLES = (OWNER, WRITER, REVIEWER, READER)


def create_group_roles(cursor: pg.cursor) -> None:
    """Create the group roles that are missing; ``cursor`` is a DBAPI cursor whose user may create roles.

    Roles belong to the whole server, so a second database on it finds them already there.
    """
    for role in GROUP_ROLES:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
        if cursor.fetchone() is None:
            cursor.execute(f'CREATE ROLE "{role}" NOLOGIN')
