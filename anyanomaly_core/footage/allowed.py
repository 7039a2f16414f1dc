"""What may be opened: protocols, container formats and decoders. Everything else is refused by name.

Containers that point at other files (playlists, manifests, image patterns, device names) are left out on purpose.
The probing child imports this file without the package, so it imports nothing.
"""

# The one open descriptor; with no other protocol a container cannot make ffmpeg open anything.
PROTOCOLS = ("fd",)

FORMATS = (
    # what recorders and editors write
    "mov", "matroska", "avi", "mpeg", "mpegts", "mpegtsraw", "flv", "asf", "mxf", "ogg", "dv", "dhav", "ivf", "nut",
    # bare streams, as cut from a network recorder
    "h264", "hevc", "vvc", "av1", "obu", "mpegvideo", "m4v", "mjpeg", "mpjpeg", "vc1", "h263",
    "jpeg_pipe",  # what .mjpeg is without its name; of all pipes of pictures the one that cameras write
)  # fmt: skip

DECODERS = (
    "h264", "hevc", "vvc", "av1", "libdav1d", "libaom-av1", "vp8", "vp9", "libvpx", "libvpx-vp9",
    "mpeg1video", "mpeg2video", "mpegvideo", "mpeg4", "msmpeg4", "msmpeg4v1", "msmpeg4v2", "h261",
    "h263", "h263i", "h263p",
    "mjpeg", "mjpegb", "mxpeg", "sp5x", "amv", "imm4", "imm5", "jpeg2000", "wmv1", "wmv2", "wmv3", "vc1",
    "flv", "theora", "vp6", "vp6f", "cinepak", "indeo3", "indeo4", "indeo5", "msvideo1", "msrle", "svq1", "svq3",
    "dvvideo", "prores", "dnxhd", "ffv1", "huffyuv", "ffvhuff", "utvideo", "magicyuv", "rawvideo",
)  # fmt: skip

MAX_PIXELS = 8192 * 8192  # of one picture; a header that states more is refused
