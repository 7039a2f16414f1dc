"""Files of recorders that nothing but their own software reads, and what turns them into video."""

import re
from pathlib import PurePosixPath

# Ending: whose, and what converts it.
_CONVERSIONS = {
    "ubv": ("UniFi Protect", "`remux` of unifi-protect-remux, or a download from Protect"),
    "bvr": ("Blue Iris", "its own Convert/export to MP4; new clips can be recorded as MP4 (Record, Video file format)"),
    "g64": ("Genetec", "the export of Security Desk or the Genetec Video Player to MP4, which loses the signatures"),
    "g64x": (
        "Genetec",
        "the export of Security Desk or the Genetec Video Player to MP4, which loses the signatures",
    ),
    "ave": ("Avigilon", "the export of the Avigilon Control Center Player to AVI or MP4"),
    "par": ("March Networks", "the export of the March Networks Evidence Manager to MP4"),
    "dsf": ("DIGIOP", "the export of DIGIOP Connect; the files are encrypted"),
    "cpv": (
        "an NVR whose files begin with ADIT",
        "cutting off the first 1064 bytes; what follows is bare H.265",
    ),
}
_HIKVISION_RING = re.compile(r"hiv\d{5}\.mp4", re.IGNORECASE)


def why_not_video(uri: str) -> str | None:
    """Why a file of recordings cannot be read as it is, and what converts it; None: nothing is known of that."""
    path = PurePosixPath(uri)
    if _HIKVISION_RING.fullmatch(path.name):
        return (
            "a ring file of a Hikvision card or network drive: 256 MB of many recordings, whose beginnings stand in "
            "index00.bin or record_db_index00 beside it. Download the recordings from the recorder, or extract them "
            "with libHikvision or hiktools"
        )
    known = _CONVERSIONS.get(path.suffix.lstrip(".").lower())
    return None if known is None else f"a file of {known[0]}, in a container of its own. What converts it: {known[1]}"
