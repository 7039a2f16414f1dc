"""Whether the packets of an H.264 stream are whole pictures in the order in which they are shown.

Run by :mod:`packet_list_child` in its confined process; it imports nothing of this package. It reads what stands in
front of a picture: parameter sets once, of every slice the first few bytes (ITU-T H.264, 7.3). Whatever it
has no rule for is not exact, and the file is decoded instead.
"""

from collections.abc import Iterator
from dataclasses import dataclass

_SLICE_BYTES = 24  # as far as the fields that are read can reach
_H264_SLICE, _H264_IDR, _H264_SPS, _H264_PPS = 1, 5, 7, 8
_H264_BESIDE = {6, 7, 8, 9, 12}  # SEI, parameter sets, delimiter, filler: no pictures
_WITH_CHROMA_FORMAT = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
_WHOLE_FRAMES_ONLY = 1
_FORBIDDEN = (b"\0\0\0", b"\0\0\1", b"\0\0\2")  # within a unit, 7.4.1: holes of zeros, packets that were cut


class PictureOrderError(Exception):
    """The packets do not say how many pictures come out of the decoder, and in which order."""


class _Bits:
    """Bits of a unit's head, most significant first."""

    def __init__(self, data: bytes) -> None:
        data = data.replace(b"\0\0\3", b"\0\0")  # emulation prevention, 7.4.1
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise PictureOrderError("a unit ends in its own header")
        return (self._value >> self._left) & ((1 << count) - 1)

    def exp_golomb(self) -> int:
        """ue(v), 9.1."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)


def _units(data: bytes, length_bytes: int) -> Iterator[bytes]:
    """The units of a packet, which must fill it."""
    place = 0
    while place < len(data):
        size = int.from_bytes(data[place : place + length_bytes], "big")
        place += length_bytes
        unit = data[place : place + size]
        if not size or len(unit) < size:
            raise PictureOrderError("units do not fill their packet")
        if any(code in unit for code in _FORBIDDEN):
            raise PictureOrderError("bytes that no unit may have")
        yield unit
        place += size


@dataclass(slots=True)
class _Sequence:
    """What H.264 slices need to know of their sequence parameter set."""

    frame_num_bits: int
    order_bits: int  # 0: pictures are shown as they come


def _sequence(unit: bytes) -> _Sequence:
    bits = _Bits(unit[1:])
    profile = bits.take(8)
    bits.take(16)
    bits.exp_golomb()
    if profile in _WITH_CHROMA_FORMAT:
        if bits.exp_golomb() == 3:  # noqa: PLR2004  (4:4:4)
            raise PictureOrderError("4:4:4")
        bits.exp_golomb()
        bits.exp_golomb()
        if bits.take(2) & 1:
            raise PictureOrderError("scaling lists")
    frame_num_bits = bits.exp_golomb() + 4
    order_type = bits.exp_golomb()
    if order_type == 1:
        raise PictureOrderError("display order by offsets")
    order_bits = bits.exp_golomb() + 4 if order_type == 0 else 0
    bits.exp_golomb()  # reference frames
    if bits.take(1):
        raise PictureOrderError("gaps in the numbers of frames are allowed")
    bits.exp_golomb()
    bits.exp_golomb()  # width and height
    if bits.take(1) != _WHOLE_FRAMES_ONLY:
        raise PictureOrderError("interlaced")
    return _Sequence(frame_num_bits, order_bits)


class H264:
    """Checks one H.264 stream, packet by packet."""

    filter_name = "h264_metadata"

    def __init__(self, extradata: bytes) -> None:
        if len(extradata) < 7 or extradata[0] != 1:  # noqa: PLR2004  (ISO/IEC 14496-15, 5.3.3.1)
            raise PictureOrderError("no parameter sets in the header")
        self.length_bytes = (extradata[4] & 3) + 1
        place, sets = 5, []
        for mask in (31, 255):
            count, place = extradata[place] & mask, place + 1
            for _ in range(count):
                size = int.from_bytes(extradata[place : place + 2], "big")
                sets.append(extradata[place + 2 : place + 2 + size])
                place += 2 + size
        self._sets = set(sets)
        sequences = [unit for unit in sets if unit and unit[0] & 31 == _H264_SPS]
        if len(sequences) != 1:
            raise PictureOrderError("several sequences of pictures")
        self._sequence = _sequence(sequences[0])
        self._pictures = {_Bits(unit[1:9]).exp_golomb() for unit in sets if unit and unit[0] & 31 == _H264_PPS}
        self._frame_num = self._order = 0
        self._was_reference = True

    def check(self, data: bytes, is_key: bool) -> None:
        """Raise PictureOrderError unless the packet holds exactly one picture, the next one shown."""
        first = True
        for unit in _units(data, self.length_bytes):
            kind = unit[0] & 31
            if unit[0] & 128:
                raise PictureOrderError("a broken unit")
            if kind in (_H264_SLICE, _H264_IDR):
                if (kind == _H264_IDR) != is_key:
                    raise PictureOrderError("a key frame that is none")
                self._check_slice(unit, first)
                first = False
            elif kind not in _H264_BESIDE or (kind in (_H264_SPS, _H264_PPS) and unit not in self._sets):
                raise PictureOrderError(f"units of kind {kind}")
        if first:
            raise PictureOrderError("a packet without a picture")

    def _check_slice(self, unit: bytes, first: bool) -> None:
        bits = _Bits(unit[1:_SLICE_BYTES])
        if (bits.exp_golomb() == 0) != first:
            raise PictureOrderError("a packet with more or less than a picture")
        bits.exp_golomb()  # type
        if bits.exp_golomb() not in self._pictures:
            raise PictureOrderError("unknown parameters")
        frame_num = bits.take(self._sequence.frame_num_bits)
        is_idr, is_reference = unit[0] & 31 == _H264_IDR, bool(unit[0] & 96)
        if is_idr:
            bits.exp_golomb()
        order = bits.take(self._sequence.order_bits)
        if not first:
            if (frame_num, order) != (self._frame_num, self._order):
                raise PictureOrderError("slices of different pictures")
            return
        if is_idr:
            expected = 0
        else:
            expected = (self._frame_num + self._was_reference) % (1 << self._sequence.frame_num_bits)
            step = (order - self._order) % (1 << self._sequence.order_bits)
            if self._sequence.order_bits and not 0 < step < 1 << (self._sequence.order_bits - 1):
                raise PictureOrderError("pictures out of order")
        if frame_num != expected or (is_idr and not is_reference):
            raise PictureOrderError("a picture is missing")
        self._frame_num, self._order, self._was_reference = frame_num, order, is_reference


def checker(codec: str, extradata: bytes | None) -> H264:
    """The checker for a stream; raises PictureOrderError where there are no rules for it.

    H.265 has none: which pictures its decoder gives depends on the pictures that each one refers to.
    """
    if codec != "h264" or not extradata:
        raise PictureOrderError(f"no rules for {codec}")
    return H264(extradata)
