"""The attention image of an event, made again with the encoder that scored it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, select

from anyanomaly_core.config import ModelSettings, Settings
from anyanomaly_core.errors import ModelError, StorageError
from anyanomaly_core.models.loading import load_encoder
from anyanomaly_core.models.protocols import ImageTextEncoder
from anyanomaly_core.profile import Profile
from anyanomaly_core.results.schema import rule_versions
from anyanomaly_core.review.event_record import EventRecord
from anyanomaly_core.rules.definition import RuleDefinition
from anyanomaly_core.scoring.explain import explain
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames


def attention_image(
    engine: Engine,
    settings: Settings,
    event: EventRecord,
    frames: SegmentFrames,
    *,
    profile: Profile,
    recorded: Mapping[Any, Any],
) -> NDArray[np.uint8]:
    """[224, 224, 3] the position context of the key frame (paper section 3.3), bright where the rule's text matched.

    Args:
        engine: of the results database.
        settings: where models lie.
        event: the event.
        frames: the segment of its peak, with images.
        profile: that scored it.
        recorded: ``key_frame``, ``winning_text`` and ``revisions`` of that segment.

    Raises:
        StorageError: its scorer used no encoder.
        ModelError: the encoder is missing, or it is not the one that scored the event.
    """
    revision = recorded["revisions"].get("encoder")
    if revision is None:
        raise StorageError(
            f"The scorer {profile.name} used no encoder, so event {event.event_id} has no attention image."
        )
    of_models = ModelSettings(**settings.model_dump(include=set(ModelSettings.model_fields)))
    encoder = _encoder(profile.model_dump_json(), of_models)
    if encoder.revision != revision:
        raise ModelError(
            f"Event {event.event_id} was scored with encoder {revision}, but encoder {encoder.revision} is installed. "
            "Its attention would differ. Install the earlier one to see the image."
        )
    with engine.connect() as connection:
        definition = connection.execute(
            select(rule_versions.c.definition).where(rule_versions.c.rule_version_id == event.rule_version_id)
        ).scalar_one()
    rule = RuleDefinition.model_validate(definition)
    texts = RuleTexts(event.rule_version_id, rule.name, rule.texts, rule.excluded)
    explanation = explain(frames, texts, profile=profile, encoder=encoder, text=recorded["winning_text"])
    if recorded["key_frame"] is not None and explanation.key_frame != recorded["key_frame"]:
        raise ModelError(
            f"Event {event.event_id}: the encoder now picks frame {explanation.key_frame} as the key frame, but "
            f"{recorded['key_frame']} is recorded. Another device or another privacy mask is in use, so no image is "
            "shown."
        )
    return explanation.position_image


@lru_cache(maxsize=1)
def _encoder(profile_json: str, settings: ModelSettings) -> ImageTextEncoder:
    """The encoder of a profile, kept for the next event."""
    return load_encoder(Profile.model_validate_json(profile_json), settings)
