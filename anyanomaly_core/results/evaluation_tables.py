"""The tables of evaluations and score maps, as the code sees them; see schema.py."""

from sqlalchemy import ARRAY, REAL, BigInteger, Column, Double, ForeignKey, Identity, Integer, Table, Text

from anyanomaly_core.results.schema import NOW, Moment, metadata

evaluations = Table(
    "evaluations",
    metadata,
    Column("evaluation_id", BigInteger, Identity(always=True), primary_key=True),
    Column("archive", Text, nullable=False),
    Column("archive_digest", Text, nullable=False),
    Column("scorer_id", Integer, ForeignKey("scorers.scorer_id"), nullable=False),
    Column("post_processing", Text, nullable=False, server_default="as scored"),
    Column("videos", Integer, nullable=False),
    Column("videos_without_scores", Integer, nullable=False),
    Column("frames_counted", BigInteger, nullable=False),
    Column("frames_unlabelled", BigInteger, nullable=False),
    Column("frames_unscored", BigInteger, nullable=False),
    Column("frames_not_in_footage", BigInteger, nullable=False),
    Column("resamples", Integer, nullable=False),
    Column("code_version", Text, nullable=False),
    Column("run_id", BigInteger, ForeignKey("scan_runs.run_id")),
    Column("evaluated_at", Moment, nullable=False, server_default=NOW),
)

evaluation_measures = Table(
    "evaluation_measures",
    metadata,
    Column("evaluation_id", BigInteger, ForeignKey("evaluations.evaluation_id", ondelete="CASCADE"), primary_key=True),
    Column("protocol", Text, primary_key=True),
    Column("class", Text, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("value", Double, nullable=False),
    Column("low", Double),
    Column("high", Double),
    Column("videos", Integer, nullable=False),
    Column("positives", BigInteger, nullable=False),
    Column("frames", BigInteger, nullable=False),
    Column("tuned", Text),
    Column("unscored_positives", BigInteger, nullable=False, server_default="0"),
    Column("unscored_negatives", BigInteger, nullable=False, server_default="0"),
    Column("at_worst", Double),
    Column("classes", Integer, nullable=False, server_default="1"),
)

score_maps = Table(
    "score_maps",
    metadata,
    Column("map_id", BigInteger, Identity(always=True), primary_key=True),
    Column("rule_id", Integer, ForeignKey("rules.rule_id"), nullable=False),
    Column("scorer_id", Integer, ForeignKey("scorers.scorer_id"), nullable=False),
    Column("method", Text, nullable=False),
    Column("scores", ARRAY(REAL), nullable=False),
    Column("probabilities", ARRAY(REAL), nullable=False),
    Column("confirmed", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("learned_at", Moment, nullable=False, server_default=NOW),
)
