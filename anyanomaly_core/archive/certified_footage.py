"""The footage of a certificate: its segments numbered through, and the encoder's order of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, select

from anyanomaly_core.archive.footage import footage_mask
from anyanomaly_core.archive.unit import profile_segments
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.selection import ranks
from anyanomaly_core.footage.masks import Mask
from anyanomaly_core.footage.segments import Segment
from anyanomaly_core.profile import Profile
from anyanomaly_core.results.catalog import StoredVideo, load_videos
from anyanomaly_core.results.certificates import segment_similarities
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.schema import videos
from anyanomaly_core.results.search_tables import indexed_videos
from anyanomaly_core.results.searches import vector_text
from anyanomaly_core.results.segment_store import VideoSegments
from anyanomaly_core.scoring.ranking import Ranker
from anyanomaly_core.scoring.types import RuleTexts

_VIDEOS_AT_ONCE = 200  # of one query for vectors


@dataclass(frozen=True, slots=True)
class CertifiedFootage:
    """Videos of a certificate, their segments numbered through."""

    videos: tuple[StoredVideo, ...]
    segments: tuple[VideoSegments, ...]  # of each video
    first: NDArray[np.int64]  # [videos] number of its first segment
    scene: NDArray[np.int64]  # [segments] the segment whose static scene each continues, or itself
    masks: tuple[Mask | None, ...]  # of each video, what neither model sees
    indexed: frozenset[int]  # videos whose vectors are of the same segments

    @property
    def count(self) -> int:
        """Segments of all videos."""
        return len(self.scene)

    def place(self, segment: int) -> tuple[int, Segment]:
        """(which video, its segment)."""
        video = int(np.searchsorted(self.first, segment, "right")) - 1
        return video, self.segments[video].segments[segment - int(self.first[video])]

    def numbers(self, video: int) -> range:
        """The numbers of a video's segments."""
        start = int(self.first[video])
        return range(start, start + len(self.segments[video].segments))


def load_footage(
    engine: Engine, settings: Settings, profile: Profile, encoder_id: int, video_ids: Sequence[int]
) -> CertifiedFootage | None:
    """Videos of a certificate, in order; None when one of them has expired or was replaced.

    Static scenes are those of the index, where it has the profile's segments and the profile carries scores at all.
    """
    v, i = videos.c, indexed_videos.c
    with engine.connect() as connection:
        gone = v.expired_at.is_not(None) | v.replaced_by.is_not(None)
        if connection.execute(select(v.video_id).where(v.video_id.in_(video_ids), gone).limit(1)).first() is not None:
            return None
        by_id = {video.video_id: video for video in load_videos(connection, list(video_ids))}
        query = select(i.video_id, i.layout_id, i.same_as).where(i.encoder_id == encoder_id, i.video_id.in_(video_ids))
        index = {row.video_id: row for row in connection.execute(query)}
    found = tuple(by_id[video_id] for video_id in video_ids)
    segments = tuple(profile_segments(engine, video, profile) for video in found)
    first = np.concatenate([[0], np.cumsum([len(own.segments) for own in segments])]).astype(np.int64)
    scene = np.arange(first[-1], dtype=np.int64)
    layouts = {video.video_id: own.layout_id for video, own in zip(found, segments, strict=True)}
    indexed = frozenset(video for video, row in index.items() if row.layout_id == layouts[video])
    for video, start in zip(found, first.tolist(), strict=False):
        if video.video_id in indexed and profile.scoring.static_level > 0:
            known = np.array(index[video.video_id].same_as, np.int64)
            scene[start : start + len(known)] = start + known
    masks = tuple(footage_mask(settings, video) for video in found)
    return CertifiedFootage(found, segments, first[:-1], scene, masks, indexed)


def encoder_order(
    engine: Engine, ranker: Ranker, rule: StoredRule, encoder_id: int, footage: CertifiedFootage
) -> NDArray[np.int64]:
    """[segments] their numbers, those first that look most like one of the rule's texts."""
    definition = rule.definition
    texts = ranker.texts(RuleTexts(rule.rule_version_id, rule.name, definition.texts, definition.excluded))
    if texts is None:
        return np.arange(footage.count)
    similarities = np.full((footage.count, len(texts)), np.nan, np.float32)
    first = {video.video_id: int(start) for video, start in zip(footage.videos, footage.first, strict=True)}
    ids = [video for video in first if video in footage.indexed]
    with engine.connect() as connection:
        for start in range(0, len(ids), _VIDEOS_AT_ONCE):
            some = ids[start : start + _VIDEOS_AT_ONCE]
            for column, vector in enumerate(texts):
                for video, segment, alike in segment_similarities(connection, encoder_id, some, vector_text(vector)):
                    similarities[first[video] + segment, column] = alike
    place = ranks(similarities)[footage.scene].astype(np.int64)  # a static scene stands where it began
    place[place == 0] = footage.count + 1  # without a vector: last
    return np.argsort(place, kind="stable")
