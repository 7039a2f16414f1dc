# ruff: noqa: S608  (the parts of the statements stand here)
"""Everything a run left behind, without ids and clocks, so that two runs can be compared."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, text

_NAMED = "jsonb_build_object('video', v.content_sha256, 'scorer', s.digest)"
RELATIONS = {
    "videos": "SELECT to_jsonb(v) - '{video_id,registered_at,indexed_at}'::text[] FROM videos v",
    "video_files": """SELECT to_jsonb(f) - '{video_id,seen_at}'::text[] || jsonb_build_object('v', v.content_sha256)
        FROM video_files f LEFT JOIN videos v USING (video_id)""",
    "segments": """SELECT to_jsonb(g) - '{video_id,layout_id}'::text[] || to_jsonb(l) - 'layout_id'
            || jsonb_build_object('v', v.content_sha256)
        FROM segments g JOIN videos v USING (video_id) JOIN segment_layouts l USING (layout_id)""",
    "rules": """SELECT to_jsonb(r) - '{rule_id,created_at}'::text[]
            || to_jsonb(rv) - '{rule_id,rule_version_id,scoring_id,created_at}'::text[]
        FROM rules r JOIN rule_versions rv USING (rule_id)""",
    "units": f"""SELECT to_jsonb(u)
            - '{{video_id,scoring_id,scorer_id,layout_id,attempts,run_id,finished_at,work_ms}}'::text[] || {_NAMED}
            || jsonb_build_object('rule', r.name, 'scoring', g.digest)
        FROM units u JOIN videos v USING (video_id) JOIN scorers s USING (scorer_id) JOIN scorings g USING (scoring_id)
        JOIN rules r ON r.rule_id = g.rule_id""",
    "segment_scores": f"""SELECT to_jsonb(x) - '{{video_id,scoring_id,scorer_id,layout_id,timings}}'::text[]
            || {_NAMED} || jsonb_build_object('rule', r.name, 'scoring', g.digest)
        FROM segment_scores x JOIN videos v USING (video_id) JOIN scorers s USING (scorer_id)
        JOIN scorings g USING (scoring_id) JOIN rules r ON r.rule_id = g.rule_id""",
    "events": f"""SELECT to_jsonb(e) - '{{video_id,scorer_id,rule_version_id}}'::text[]
            || {_NAMED} || jsonb_build_object('rule', r.name, 'version', rv.version)
        FROM events e JOIN videos v USING (video_id) JOIN scorers s USING (scorer_id)
        JOIN rule_versions rv USING (rule_version_id) JOIN rules r ON r.rule_id = rv.rule_id""",
}  # fmt: skip


@dataclass(frozen=True)
class Snapshot:
    """Rows by relation, each as often as it is there; digests of the Parquet files."""

    rows: dict[str, Counter[str]]
    files: dict[str, str]

    @property
    def row_count(self) -> int:
        """Rows of all relations."""
        return sum(found.total() for found in self.rows.values())


@dataclass(frozen=True)
class Difference:
    """What a disturbed run has less or more than an undisturbed one."""

    lost: list[str]
    doubled: list[str]

    def __add__(self, other: "Difference") -> "Difference":
        return Difference(self.lost + other.lost, self.doubled + other.doubled)


def take(engine: Engine, parquet: Path) -> Snapshot:
    """Read everything; files with names of their own only, see ``orphans``."""
    with engine.connect() as connection:
        rows = {
            name: Counter(connection.execute(text(f"SELECT t::text FROM ({query}) AS q(t)")).scalars())
            for name, query in RELATIONS.items()
        }
    files = {str(path.relative_to(parquet)): path for path in parquet.rglob("*.parquet")}
    return Snapshot(rows, {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()})


def compare(undisturbed: Snapshot, found: Snapshot) -> Difference:
    """Rows and files that are missing, and that are too many or other than they should be."""
    difference = Difference([], [])
    for name, expected in undisturbed.rows.items():
        lost, doubled = expected - found.rows[name], found.rows[name] - expected
        difference += Difference([f"{name}: {row}" for row in lost], [f"{name}: {row}" for row in doubled])
    lost_files = [name for name, digest in undisturbed.files.items() if found.files.get(name) != digest]
    more_files = [name for name, digest in found.files.items() if undisturbed.files.get(name) != digest]
    return difference + Difference(lost_files, more_files)


def orphans(parquet: Path, state: Path) -> list[str]:
    """Files that belong to nothing: staged and never published, journals of finished units, drafts of caches."""
    left = [path for path in parquet.rglob("*") if path.is_file() and path.suffix != ".parquet"]
    left += [
        path for path in state.rglob("*") if path.is_file() and path.name not in {"model-hashes.json", "names.json"}
    ]
    return [str(path) for path in left]
