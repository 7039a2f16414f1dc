"""``docs/sql.md``, made of the database's own comments and the ready queries."""

from sqlalchemy import Connection, text

from anyanomaly_core.results.queries import ReadyQuery, ready_queries

_START = """\
<!-- Made by .ci/sql_page.py from the migrations and sql/queries; `make docs` writes it anew. -->
# Asking in SQL

`make query SQL="SELECT ..."` asks the embedded database, as `anyanomaly query "SELECT ..."` does (with `--json` for
programs). Both take the name of a ready query as well; `--set NAME=VALUE` gives it a parameter. Where there are several
installations, `STACK=demo` or `--stack demo` says which; `anyanomaly installations` lists them. A BI tool or `psql`
connects as the user `reader`: `anyanomaly db url` prints the address with its password.

Start with the views: `event_list` (what was found), `frame_scores` (the score of every frame), `coverage` (what was
looked at, and what not). All moments are `timestamptz`; columns that end in `_local` are in the camera's time zone,
which `cameras.time_zone` names (`cameras.camera_id` is `camera` in the views).
A `score` of NULL means *not scored*, never *normal*: `status` and `reason` say why. What is `carried` has a score, that
of the segment which its `reason` in `segment_results` names: the scene had not changed, so no model looked again.

Costs are times: `units.work_ms` and `timings` (milliseconds by step) are those of a pass over a video, shared equally
by the rules that were scored in it; starting, decoding and writing stand beside them in `scan_runs.summary`, under
`spent`. A scorer's `profile` says which models were asked for, its `revisions` which were loaded.

Versions: rules change, past results do not. `event_list`, `segment_results` and `coverage` have a row for every
version of a rule that covers the footage; filter on `is_current_version` unless you compare versions. `frame_scores`
shows current versions only, `frame_scores_history` all. When footage was scored by several scorers (other models or
parameters), the views show the newest that did not fail; the others stay in the table `segment_scores`.

The same content under names of two cameras is scored once and found under both: `event_list` has an event for each,
with an id of its own, and the other views a row for each. `videos` has it once, Parquet under its first camera.

A fast query of frames names rule, camera and the span that segments and files may lie in: see the ready query
*frame_curve*. Give a client of your own `SET join_collapse_limit = 6` first, as `anyanomaly query` does: with more,
trying all orders of joins takes longer than the answer.

## Who may do what
| group role | login user here | may |
|---|---|---|
| `anyanomaly_owner` | `anyanomaly` | everything but rewrite the past or what is held; release, set retention |
| `anyanomaly_writer` | `scanner` | register footage and rules, write and expire results, search footage; read all |
| `anyanomaly_reviewer` | `reviewer` | add verdicts and legal holds, search footage; read all |
| `anyanomaly_reader` | `reader` | read all but vectors and searches |

"""
_PARQUET = """\
## The same facts in Parquet
Under the Parquet folder (`make demo` prints where) lie `frame_scores/`, `segment_scores/` and, of scorers that
mark pixels, `frame_regions/`, Hive style:
`rule=<name>/version=<n>/date=<yyyy-mm-dd>/camera=<id>/<video>-<scorer>.parquet`. The date is the recording's in the
camera's time zone; `version` is the first version of the rule with the same texts, excluded texts and profile, since
versions that differ only in thresholds, durations, hours or cameras share their scores (`scorings.first_version`).
`video` is the SHA-256 of the footage (`videos.content_sha256`). Footers say which rule, models, code and footage.
Files of earlier scorers stay beside the newer ones; their names end in the scorer's digest. A camera's name that would
be too long for a folder (over 200 bytes, a letter outside ASCII counts three for each of its own) is cut there and ends
in `~` and a hash of the whole.

**Cameras and rules by `camera_id` and `rule_name`**, columns of every file. Readers guess the types of folders: a
camera `01` is the number 1 for pyarrow, a rule `7` the number 7 for DuckDB too. Where the folders' own columns are
wanted, say their types:

```python
import pyarrow as pa
from pyarrow import dataset as ds

folders = pa.schema({"rule": pa.string(), "version": pa.int32(), "date": pa.date32(), "camera": pa.string()})
scores = ds.dataset("frame_scores", partitioning=ds.partitioning(folders, flavor="hive"))
highest = scores.to_table(filter=(ds.field("camera") == "01") & (ds.field("score") > 0.8))
```

```sql
-- DuckDB; a time without zone needs no other package in Python
SELECT rule_name, camera_id, frame_at AT TIME ZONE 'UTC' AS frame_at_utc, score
FROM read_parquet('frame_scores/**/*.parquet', hive_types = {rule: VARCHAR, camera: VARCHAR})
WHERE camera = '01' AND score > 0.8 ORDER BY score DESC;
```
"""
_RELATIONS = text("""
    SELECT c.oid, c.relname AS name, obj_description(c.oid) AS comment, c.relkind = 'v' AS is_view
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
      AND c.relname <> 'alembic_version'
    ORDER BY c.relkind <> 'v',
             array_position(ARRAY['event_list', 'frame_scores', 'coverage'], c.relname::text), c.relname
""")
_COLUMNS = text("""
    SELECT attname AS name, format_type(atttypid, atttypmod) AS type, col_description(attrelid, attnum) AS comment
    FROM pg_attribute WHERE attrelid = :oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum
""")


def render_sql_page(connection: Connection) -> str:
    """The page, for the database that ``connection`` leads to."""
    relations = [_relation(connection, *row) for row in connection.execute(_RELATIONS)]
    views = "".join(page for page, is_view in relations if is_view)
    tables = "".join(page for page, is_view in relations if not is_view)
    queries = "".join(map(_query, ready_queries()))
    ready = (
        "## Ready queries\nEach lies in `sql/queries/` and can be pasted as it stands here, with defaults in the place "
        "of its parameters.\n\n"
    )
    return f"{_START}## Views\n{views}{ready}{queries}## Tables\n{tables}{_PARQUET}"


def _relation(connection: Connection, oid: int, name: str, comment: str, is_view: bool) -> tuple[str, bool]:
    columns = connection.execute(_COLUMNS, {"oid": oid}).all()
    lines = [f"| `{c.name}` | {c.type} | {c.comment or ''} |\n" for c in columns]
    return f"### {name}\n{comment}\n\n| column | type | |\n|---|---|---|\n{''.join(lines)}\n", is_view


def _query(query: ReadyQuery) -> str:
    lines = [f"| `{p.name}` | {p.type} | `{p.default}` | {p.meaning} |\n" for p in query.parameters]
    parameters = f"| parameter | type | default | |\n|---|---|---|---|\n{''.join(lines)}\n" if lines else ""
    return f"### {query.name}\n{query.question}\n\n{parameters}```sql\n{query.with_defaults()};\n```\n\n"
