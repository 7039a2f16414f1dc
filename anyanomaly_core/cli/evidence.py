"""``anyanomaly evidence``: export bundles, check them, make the key that signs them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args
from uuid import UUID

import typer

from anyanomaly_core.cli.site import note, site
from anyanomaly_core.errors import ConfigurationError

if TYPE_CHECKING:
    from anyanomaly_core.review.blurring.detector import BlurTarget
    from anyanomaly_core.review.evidence.manifest import ListedEvent
    from anyanomaly_core.review.evidence.timestamps import Timestamp

evidence_app = typer.Typer(no_args_is_help=True, help="Evidence: bundles of events, to hand over and to check.")


@evidence_app.command("export")
def export(
    events: Annotated[list[str], typer.Argument(help="Ids of events, as in event_list.")],
    out: Annotated[Path, typer.Option("--out", help="The ZIP file to write; it must not exist.")],
    by: Annotated[str, typer.Option("--by", help="Who exports; the user's name if not given.")] = "",
    before: Annotated[float, typer.Option(help="Seconds of clip before each event.", min=0)] = 10.0,
    after: Annotated[float, typer.Option(help="Seconds of clip after each event.", min=0)] = 10.0,
    attention: Annotated[bool, typer.Option(help="Make attention images, which loads the encoder.")] = True,
    blur: Annotated[
        str,
        typer.Option("--blur", help="`faces`, `plates` or `faces,plates`: blur those that are found."),
    ] = "",
    originals: Annotated[
        bool, typer.Option("--originals", help="Add the camera's own packets, with any signature it put into them.")
    ] = False,
    reveal: Annotated[
        bool,
        typer.Option(
            "--reveal-originals", help="Add the packets even if the clip is blurred or masked; the packets are neither."
        ),
    ] = False,
    stack: Annotated[str, typer.Option("--stack", help="Installation under .local, where there are several.")] = "",
) -> None:
    """Write one ZIP with clips, stills, scores and provenance of the events; signed when a key is configured."""
    from anyanomaly_core.results.engine import make_engine
    from anyanomaly_core.review.evidence.export import export_evidence

    ids = [_event_id(text) for text in events]
    targets = _blur_targets(blur)
    with site(None, stack) as settings:
        engine = make_engine(settings.database_url.get_secret_value())
        try:
            manifest = export_evidence(
                engine,
                settings,
                ids,
                out,
                exported_by=by or None,
                before_s=before,
                after_s=after,
                load_models=attention,
                blur=targets,
                originals=originals or reveal,
                reveal=reveal,
                progress=_progress if sys.stderr.isatty() else None,
            )
        finally:
            engine.dispose()
    signed = f"signed with {manifest.signed_with}" if manifest.signed_with else "NOT signed: no key is configured"
    stamped = f", with a time stamp of {manifest.time_stamp.authority}" if manifest.time_stamp else ""
    note(f"{out}: {len(manifest.events)} events, {len(manifest.files)} files, {signed}{stamped}.")
    for event in manifest.events:
        if event.blurred is not None:
            where = f"{event.blurred.frames_blurred} of {event.blurred.frames} frames"
            note(f"{event.folder}: {', '.join(event.blurred.targets)} blurred in {where}. {event.blurred.warning}")
        if event.original_packets is not None and event.original_packets.reveals:
            shown = " and the ".join(event.original_packets.reveals)
            note(f"{event.folder}: {event.original_packets.file} is not blurred and not masked. It shows the {shown}.")
        elif event.original_packets is None and (originals or reveal):
            note(f"{event.folder}: no original packets; event.json states why.")


@evidence_app.command("verify")
def verify(
    bundle: Annotated[Path, typer.Argument(help="The ZIP file.", exists=True, dir_okay=False)],
    key: Annotated[
        Path | None, typer.Option("--key", help="The exporter's public key (PEM), from a source you trust.")
    ] = None,
    authority: Annotated[
        Path | None,
        typer.Option("--tsa-ca", help="Certificates (PEM) of the time stamp authority, from a source you trust."),
    ] = None,
) -> None:
    """Say what was changed, added, removed or renamed in a bundle, and whose signature it bears; 1: something was."""
    from anyanomaly_core.display import display_text
    from anyanomaly_core.review.evidence.signing import load_public
    from anyanomaly_core.review.evidence.timestamps import load_certificates
    from anyanomaly_core.review.evidence.verify import verify as check

    result = check(
        bundle,
        key=None if key is None else load_public(key),
        authority=() if authority is None else load_certificates(authority),
    )
    for problem in result.problems:
        print(problem)  # noqa: T201  (a command's own words)
    if result.problems:
        print(f"{len(result.problems)} thing(s) wrong: this is not what was exported.")  # noqa: T201
        raise typer.Exit(1)
    assert result.manifest is not None  # noqa: S101  (its absence is a problem)
    manifest = result.manifest
    print(f"Intact: {len(manifest.files)} files of {len(manifest.events)} events,")  # noqa: T201
    print(f"exported by {display_text(manifest.exported_by)} at {display_text(manifest.exported_at)}.")  # noqa: T201
    print(_signature(result.fingerprint, trusted=result.key_is_trusted))  # noqa: T201
    if result.time_stamp is not None:
        print(_time_stamp(result.time_stamp, trusted=result.authority_is_trusted))  # noqa: T201
    for event in manifest.events:
        if event.original_packets is not None:
            print(_originals(event))  # noqa: T201


@evidence_app.command("key")
def key(file: Annotated[Path, typer.Argument(help="File for the private key; it must not exist.")]) -> None:
    """Make a key that signs evidence, and print its public half, for those who check."""
    from anyanomaly_core.review.evidence.signing import make_key

    sys.stdout.write(make_key(file))
    note(f"Private key: {file}. Set ANYANOMALY_EVIDENCE_KEY_FILE to it, and keep a copy where nobody loses it.")


def _time_stamp(stamp: "Timestamp", *, trusted: bool) -> str:
    from anyanomaly_core.display import display_text

    stated = f"{stamp.moment:%Y-%m-%d %H:%M:%S} UTC"
    if trusted:
        return f"Time stamp: all of it existed at {stated}, says the authority whose certificates were given."
    return (
        f"Time stamp: {display_text(stamp.authority, 120)} is said to have seen all of it at {stated}. Check that with "
        "the authority's certificates: --tsa-ca."
    )


def _originals(event: "ListedEvent") -> str:
    packets = event.original_packets
    assert packets is not None  # noqa: S101
    reveals = f" It shows the {' and the '.join(packets.reveals)} of the clip." if packets.reveals else ""
    return f"{event.folder}/{packets.file}: {packets.packets} packets as the camera wrote them.{reveals}"


def _signature(fingerprint: str | None, *, trusted: bool) -> str:
    if fingerprint is None:
        return "Not signed: nothing was damaged, but anybody could have made it."
    if trusted:
        return f"Signed with the key given, {fingerprint}."
    return (
        f"Signed with {fingerprint}, a key that came with the bundle. Ask the exporter whether it is theirs, "
        "or give their public key with --key."
    )


def _blur_targets(text: str) -> "set[BlurTarget]":
    from anyanomaly_core.review.blurring.detector import BlurTarget

    wanted = {part.strip() for part in text.split(",") if part.strip()}
    if unknown := wanted - set(get_args(BlurTarget)):
        raise ConfigurationError(
            f"--blur {text}: {', '.join(sorted(unknown))} cannot be found and blurred; say faces, plates or both with "
            "a comma. A privacy mask hides a place whatever is there; see docs/evidence.md."
        )
    return cast("set[BlurTarget]", wanted)


def _event_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ConfigurationError(
            f"{text!r} is not the id of an event; `anyanomaly query` shows them: event_list."
        ) from None


def _progress(done: int, total: int) -> None:
    note(f"{done} of {total} events")
