"""Certificates in the database: begun before anything is judged, gone on with after a kill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    Table,
    Text,
    and_,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert

from anyanomaly_core.engine.certificate import Judgement, Target
from anyanomaly_core.engine.journal import from_line, to_line
from anyanomaly_core.results.schema import NOW, metadata, units
from anyanomaly_core.scoring.types import SegmentScore

_MOMENT = DateTime(timezone=True)

certificates = Table(
    "certificates",
    metadata,
    Column("certificate_id", BigInteger, Identity(always=True), primary_key=True),
    Column("rule_version_id", Integer, ForeignKey("rule_versions.rule_version_id"), nullable=False),
    Column("scorer_id", Integer, ForeignKey("scorers.scorer_id"), nullable=False),
    Column("encoder_id", Integer, ForeignKey("encoders.encoder_id"), nullable=False),
    Column("state", Text, nullable=False, server_default=text("'running'")),
    Column("level", Text, nullable=False),
    Column("recall", Double, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("least_segments", Integer, nullable=False),
    Column("budget", Integer),
    Column("selection", JSONB, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("segments", Integer, nullable=False),
    Column("ranking", LargeBinary, nullable=False),
    Column("reached", Boolean),
    Column("document", JSONB),
    Column("run_id", BigInteger, ForeignKey("scan_runs.run_id")),
    Column("started_at", _MOMENT, nullable=False, server_default=NOW),
    Column("finished_at", _MOMENT),
)

certificate_videos = Table(
    "certificate_videos",
    metadata,
    Column("certificate_id", BigInteger, ForeignKey("certificates.certificate_id"), primary_key=True),
    Column("first_segment", Integer, primary_key=True),
    Column("video_id", BigInteger, ForeignKey("videos.video_id"), nullable=False),
    Column("segments", Integer, nullable=False),
)

certificate_judgements = Table(
    "certificate_judgements",
    metadata,
    Column("certificate_id", BigInteger, ForeignKey("certificates.certificate_id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("segment", Integer, nullable=False),
    Column("why", Text, nullable=False),
    Column("found", Boolean, nullable=False),
)

certificate_answers = Table(
    "certificate_answers",
    metadata,
    Column("certificate_id", BigInteger, ForeignKey("certificates.certificate_id"), primary_key=True),
    Column("segment", Integer, primary_key=True),
    Column("score", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class CertifiedScan:
    """What a certificate is asked for: a rule, a scorer, footage and a target. The same again goes on with it."""

    rule_version_id: int
    scorer_id: int
    encoder_id: int
    selection: Mapping[str, Any]
    target: Target
    budget: int | None


@dataclass(frozen=True, slots=True)
class StoredCertificate:
    """A certificate that is not finished."""

    certificate_id: int
    state: str
    seed: int
    videos: dict[int, int]  # video -> number of its first segment, ascending
    segments: int
    order: NDArray[np.int64]  # [segments] the encoder's, the best first
    document: dict[str, Any] | None


def unfinished_certificate(connection: Connection, scan: CertifiedScan) -> StoredCertificate | None:
    """The one that asks for just this; None: there is none."""
    c, v = certificates.c, certificate_videos.c
    query = select(certificates).where(c.state.in_(("running", "judged")), _asks_for(scan))
    begun = connection.execute(query.order_by(c.certificate_id.desc()).limit(1)).mappings().first()
    if begun is None:
        return None
    videos = select(v.video_id, v.first_segment).where(v.certificate_id == begun["certificate_id"])
    places = {row.video_id: row.first_segment for row in connection.execute(videos.order_by(v.first_segment))}
    order = np.frombuffer(begun["ranking"], ">i4").astype(np.int64)
    return StoredCertificate(
        begun["certificate_id"], begun["state"], begun["seed"], places, begun["segments"], order, begun["document"]
    )


def was_certified(connection: Connection, scan: CertifiedScan) -> bool:
    """Whether just this was asked for before, and is finished."""
    query = select(certificates.c.certificate_id).where(certificates.c.state == "finished", _asks_for(scan)).limit(1)
    return connection.execute(query).first() is not None


def scored_in_part(connection: Connection, scoring_id: int, scorer_id: int) -> set[int]:
    """Videos of which a scan has scored some segments and failed with others."""
    u = units.c
    mine = (u.scoring_id == scoring_id) & (u.scorer_id == scorer_id)
    query = select(u.video_id).where(mine, u.state == "partial", u.certificate_id.is_(None))
    return set(connection.execute(query).scalars())


def begin_certificate(
    connection: Connection,
    scan: CertifiedScan,
    videos: Mapping[int, int],
    order: NDArray[np.int64],
    *,
    seed: int,
    run_id: int,
) -> StoredCertificate:
    """Fix the footage, its order and the seed before anything is judged.

    Args:
        connection: in a transaction.
        scan: what is asked for.
        videos: video -> how many segments it has, in order.
        order: [segments] their numbers, the best first.
        seed: of the draws.
        run_id: of the run.
    """
    values = _asked(scan) | {"seed": seed, "segments": len(order), "run_id": run_id}
    values["ranking"] = order.astype(">i4").tobytes()
    row = insert(certificates).values(values).returning(certificates.c.certificate_id)
    certificate_id = int(connection.execute(row).scalar_one())
    places, first = {}, 0
    for video, count in videos.items():
        places[video], first = first, first + count
    rows = [
        {"certificate_id": certificate_id, "first_segment": places[video], "video_id": video, "segments": count}
        for video, count in videos.items()
    ]
    connection.execute(insert(certificate_videos), rows)
    return StoredCertificate(certificate_id, "running", seed, places, len(order), order, None)


def abandon_certificate(connection: Connection, certificate_id: int) -> None:
    """Its footage is not what it was: the promise cannot be kept."""
    connection.execute(
        update(certificates).where(certificates.c.certificate_id == certificate_id).values(state="abandoned")
    )
    _forget_answers(connection, certificate_id)


def keep_answers(connection: Connection, certificate_id: int, answers: Mapping[int, SegmentScore]) -> None:
    """Into the journal of a certificate: number of a segment -> its outcome."""
    rows = [
        {"certificate_id": certificate_id, "segment": segment, "score": to_line([score])}
        for segment, score in answers.items()
    ]
    if rows:
        connection.execute(upsert(certificate_answers).on_conflict_do_nothing(), rows)


def kept_answers(connection: Connection, certificate_id: int) -> dict[int, SegmentScore]:
    """What an interrupted run has asked for already."""
    a = certificate_answers.c
    query = select(a.segment, a.score).where(a.certificate_id == certificate_id)
    return {segment: from_line(line)[0] for segment, line in connection.execute(query)}


def record_judgements(
    connection: Connection,
    certificate_id: int,
    judgements: Sequence[Judgement],
    document: Mapping[str, Any],
    *,
    reached: bool,
) -> None:
    """What the certificate says, and everything that it rests on."""
    rows = [
        {
            "certificate_id": certificate_id,
            "number": number,
            "segment": one.segment,
            "why": one.why.value,
            "found": one.found,
        }
        for number, one in enumerate(judgements)
    ]
    if rows:
        connection.execute(insert(certificate_judgements), rows)
    mine = certificates.c.certificate_id == certificate_id
    connection.execute(
        update(certificates).where(mine).values(state="judged", reached=reached, document=dict(document))
    )


def finish_certificate(connection: Connection, certificate_id: int) -> None:
    """All scores are written."""
    mine = certificates.c.certificate_id == certificate_id
    connection.execute(update(certificates).where(mine).values(state="finished", finished_at=NOW))
    _forget_answers(connection, certificate_id)


def segment_similarities(
    connection: Connection, encoder_id: int, video_ids: Sequence[int], query: str
) -> list[tuple[int, int, float]]:
    """(video, segment, cosine of its best vector) of every segment that has vectors; ``query`` as pgvector reads it."""
    found = connection.execute(_SIMILARITIES, {"encoder": encoder_id, "videos": list(video_ids), "query": query})
    return [(row.video_id, row.segment_index, float(row.similarity)) for row in found]


_SIMILARITIES = text("""
SELECT video_id, segment_index, max(-(embedding <#> CAST(:query AS halfvec))) AS similarity
FROM footage_vectors WHERE encoder_id = :encoder AND video_id = ANY(:videos)
GROUP BY video_id, segment_index""")


def _asks_for(scan: CertifiedScan) -> ColumnElement[bool]:
    asked = _asked(scan)
    same = [certificates.c[name].is_not_distinct_from(value) for name, value in asked.items() if name != "selection"]
    return and_(certificates.c.selection == asked["selection"], *same)


def _asked(scan: CertifiedScan) -> dict[str, Any]:
    target = scan.target
    return {
        "rule_version_id": scan.rule_version_id,
        "scorer_id": scan.scorer_id,
        "encoder_id": scan.encoder_id,
        "selection": dict(scan.selection),
        "level": target.level.value,
        "recall": target.recall,
        "confidence": target.confidence,
        "least_segments": target.least_segments,
        "budget": scan.budget,
    }


def _forget_answers(connection: Connection, certificate_id: int) -> None:
    connection.execute(delete(certificate_answers).where(certificate_answers.c.certificate_id == certificate_id))
