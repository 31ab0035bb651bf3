"""Clips: planted frames, each with its number as grey level, come back in order, at their times."""

import hashlib
import struct
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from thresh.errors import ConfigError, StimuliError
from thresh.stimuli import decoding, open_stimuli, prepare

FRAMES = 23


def frame(number, width=32, height=16):
    """Frame of a clip: its number in the left half, something of its own in the right, in three channels."""
    pixels = np.full((height, width, 3), number * 7, np.uint8)
    pixels[:, width // 2 :] = np.random.default_rng(number).integers(0, 256, 3, dtype=np.uint8)
    return pixels


def planted(count=FRAMES):
    return np.stack([frame(number) for number in range(count)])


def write_array(folder, frames):
    np.save(folder / "clip.npy", frames)


def write_folder(folder, frames):
    (folder / "clip").mkdir()
    for number, pixels in enumerate(frames):
        Image.fromarray(pixels).save(folder / "clip" / f"take2_frame{number + 5}.png")  # 9 comes before 10


def write_animation(suffix, **options):
    def write(folder, frames):
        first, *rest = [Image.fromarray(pixels) for pixels in frames]
        first.save(folder / f"clip{suffix}", save_all=True, append_images=rest, **options)

    return write


def write_movie(suffix, codec, pixel_format, options=None, rate=Fraction(25), times=None):
    def write(folder, frames):
        av = pytest.importorskip("av")
        with av.open(str(folder / f"clip{suffix}"), "w") as container:
            stream = container.add_stream(codec, rate=rate, options=options or {})
            stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], pixel_format
            if times is not None:
                stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
            for number, pixels in enumerate(frames):
                picture = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=pixel_format)
                picture.pts = number if times is None else times[number]
                picture.time_base = 1 / rate if times is None else Fraction(1, 1000)
                container.mux(stream.encode(picture))
            container.mux(stream.encode())

    return write


# Lossless, with B-frames, so that frames do not stand in the file in the order in which they are shown.
H264 = {"qp": "0", "bf": "3", "preset": "medium"}
LOSSLESS = {
    "npy": (write_array, 10),
    "folder": (write_folder, 10),
    "png": (write_animation(".png", duration=100), None),
    "webp": (write_animation(".webp", duration=100, lossless=True, quality=0), None),
    "tif": (write_animation(".tif"), 10),
    "mp4": (write_movie(".mp4", "libx264rgb", "rgb24", H264, Fraction(10)), None),
    "mkv": (write_movie(".mkv", "ffv1", "bgr0", rate=Fraction(10)), None),
    "avi": (write_movie(".avi", "ffv1", "bgr0", rate=Fraction(10)), None),
}


def prepared(folder, rate=None, **params):
    return prepare("video", "v", folder=str(folder), frame_rate=rate, split={"by": ["other"]}, **params)


@pytest.fixture
def folder(tmp_path):
    """A folder with another clip, so that the set has both splits."""
    place = tmp_path / "clips"
    place.mkdir()
    np.save(place / "other.npy", np.zeros((2, 4, 4), np.uint8))
    return place


def index_of_clip(stimuli):
    return stimuli.ids.tolist().index("clip")


@pytest.mark.parametrize("form", LOSSLESS)
def test_frames_come_back_in_order_at_their_times(folder, tmp_path, form):
    write, _ = LOSSLESS[form]
    write(folder, planted())
    stimuli = prepared(folder, 10)
    stimuli.save(tmp_path / "v.zarr")
    for one in (stimuli, open_stimuli(tmp_path / "v.zarr")):
        clip = index_of_clip(one)
        assert one.modalities == ("video",)
        assert one.frame_counts[clip] == FRAMES
        np.testing.assert_allclose(one.frame_times(clip), np.arange(FRAMES) / 10, atol=1e-9)
        # On from the last call, back to the start, over some, beyond the end.
        for start, stop in ((0, 4), (4, 9), (2, 3), (15, 40)):
            shown = np.stack([np.asarray(image) for image in one.frames(clip, start, stop)])
            np.testing.assert_array_equal(shown, planted()[start:stop])
        assert one.frames(clip, FRAMES, FRAMES + 3) == []


@pytest.mark.parametrize("form", ["npy", "webp", "mp4"])
def test_every_third_frame_and_at_most_four(folder, form):
    write, _ = LOSSLESS[form]
    write(folder, planted())
    stimuli = prepared(folder, 10, every=3, maximum_frames=4)
    clip = index_of_clip(stimuli)
    np.testing.assert_allclose(stimuli.frame_times(clip), [0, 0.3, 0.6, 0.9], atol=1e-9)
    assert list(stimuli.frame_counts) == [4, 1]
    for start in (0, 2):
        shown = np.stack([np.asarray(image) for image in stimuli.frames(clip, start, 4)])
        np.testing.assert_array_equal(shown, planted()[[0, 3, 6, 9]][start:])


def test_a_gif_keeps_the_time_of_each_frame(folder):
    durations = [100, 30, 250, 40, 80]
    greys = [np.full((8, 8), 40 * number, np.uint8) for number in range(5)]
    write_animation(".gif", duration=durations)(folder, greys)
    stimuli = prepared(folder, 1)
    clip = index_of_clip(stimuli)
    np.testing.assert_allclose(stimuli.frame_times(clip), np.cumsum([0, *durations[:-1]]) / 1000, atol=1e-12)
    assert [image.getpixel((0, 0)) for image in stimuli.frames(clip, 0, 5)] == [(40 * n,) * 3 for n in range(5)]


def test_a_film_of_uneven_times_keeps_them(folder):
    times = [500, 540, 700, 710, 1250, 1300]  # milliseconds; those of the container begin anywhere
    write_movie(".mkv", "ffv1", "bgr0", times=times)(folder, planted(6))
    stimuli = prepared(folder, 1)
    found = stimuli.frame_times(index_of_clip(stimuli))
    np.testing.assert_allclose(found, (np.array(times) - 500) / 1000, atol=1e-9)


def test_grey_films_stay_grey(folder):
    write_movie(".mkv", "ffv1", "gray")(
        folder, np.repeat(np.arange(5, dtype=np.uint8) * 50, 16 * 16 * 3).reshape(5, 16, 16, 3)
    )
    stimuli = prepared(folder, 1)
    shown = stimuli.frames(index_of_clip(stimuli), 0, 5)
    assert [(image.mode, image.getextrema()) for image in shown] == [("L", (50 * n, 50 * n)) for n in range(5)]


def test_a_film_that_lies_is_turned_upright(folder):
    """The matrix of a track header maps (x, y) to (a x + c y, b x + d y), y downwards (ISO 14496-12, 8.3.2)."""
    write_movie(".mp4", "libx264rgb", "rgb24", H264)(folder, planted(3))
    content = (folder / "clip.mp4").read_bytes()
    identity = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    place = content.index(identity, content.index(b"tkhd"))
    clockwise = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 16 << 16, 0, 1 << 30)
    (folder / "clip.mp4").write_bytes(content[:place] + clockwise + content[place + len(identity) :])
    stimuli = prepared(folder, 1)
    shown = np.asarray(stimuli.frames(index_of_clip(stimuli), 1, 2)[0])
    np.testing.assert_array_equal(shown, np.rot90(frame(1), -1))


def test_hash_is_sha256_over_frames_and_times(folder):
    write_array(folder, planted(3))
    stimuli = prepared(folder, 4)
    content = b"video RGB 32x16 " + planted(3).tobytes() + b"times " + np.array([0, 0.25, 0.5], "<f8").tobytes()
    assert stimuli.hashes[index_of_clip(stimuli)] == hashlib.sha256(content).hexdigest()[:16]
    faster = prepared(folder, 8)
    assert faster.hashes[index_of_clip(faster)] != stimuli.hashes[index_of_clip(stimuli)]


def test_clips_are_found_in_folders_and_named_for_their_paths(folder):
    for name in ("cats/a.npy", "cats/b.v2.npy", "dogs/c.gif"):
        (folder / name).parent.mkdir(exist_ok=True)
        if name.endswith("npy"):
            np.save(folder / name, planted(2))
        else:
            write_animation(".gif", duration=50)(folder / "dogs", planted(2))
    (folder / "dogs/d.1").mkdir()
    Image.fromarray(frame(0)).save(folder / "dogs/d.1/1.jpg")
    (folder / "notes.txt").write_text("no clip")
    stimuli = prepared(folder, 10)
    assert list(stimuli.ids) == ["cats/a", "cats/b.v2", "dogs/clip", "dogs/d.1", "other"]
    assert list(stimuli.attributes["folder"]) == ["cats", "cats", "dogs", "dogs", "."]


def test_reading_on_decodes_no_frame_twice(folder, monkeypatch):
    LOSSLESS["mp4"][0](folder, planted())
    stimuli, decoded = prepared(folder, 10), []
    original = decoding.video_frames

    def counted(*arguments):
        for number, one in original(*arguments):
            decoded.append(number)
            yield number, one

    monkeypatch.setattr(decoding, "video_frames", counted)
    clip = index_of_clip(stimuli)
    for start in range(0, FRAMES, 5):
        stimuli.frames(clip, start, start + 5)
    assert decoded == list(range(FRAMES))


def test_a_changed_clip_is_refused(folder, tmp_path):
    write_array(folder, planted())
    prepared(folder, 10).save(tmp_path / "v.zarr")
    changed = planted()
    changed[7, 3, 3, 1] ^= 1
    write_array(folder, changed)
    found = open_stimuli(tmp_path / "v.zarr")
    clip = index_of_clip(found)
    assert len(found.frames(clip, 0, 7)) == 7  # these are what they were
    with pytest.raises(StimuliError, match=r"clip\.npy: found other frames than when the set was prepared"):
        found.frames(clip, 7, 8)
    write_array(folder, planted()[:5])
    with pytest.raises(StimuliError, match="found other frames"):
        open_stimuli(tmp_path / "v.zarr").frames(clip, 3, 7)


@pytest.mark.parametrize(
    ("write", "error", "told"),
    [
        (lambda place: np.save(place / "a.npy", planted(2).astype(float)), StimuliError, "found float64"),
        (lambda place: np.save(place / "a.npy", planted(2)[:0]), StimuliError, "found no frame"),
        (lambda place: Image.fromarray(frame(1)).save(place / "a.gif"), StimuliError, "a.gif: found a still image"),
        (lambda place: (place / "a.gif").write_bytes(b"no"), StimuliError, "a.gif cannot be read as a clip"),
        (lambda place: numbered(place, "1.png", "one.png"), StimuliError, "one.png: found no number in its name"),
        (lambda place: numbered(place, "a1.png", "b01.png"), StimuliError, "found the number of a1.png again"),
        (lambda place: numbered(place, "1.png", "2.png", odd=True), StimuliError, "frame 1: found RGB (8, 4)"),
    ],
)
def test_unusable_clips_are_refused_by_name(folder, write, error, told):
    write(folder)
    with pytest.raises(error) as found:
        prepared(folder, 10)
    assert told in str(found.value)
    assert "stimuli.v" in str(found.value)


def numbered(place, *names, odd=False):
    (place / "a").mkdir()
    for number, name in enumerate(names):
        size = (8, 4) if odd and number else (32, 16)
        Image.fromarray(frame(0, *size)).save(place / "a" / name)


def test_clips_without_times_need_a_frame_rate(folder):
    with pytest.raises(ConfigError, match=r"stimuli\.v\.frame_rate: found None, expected .* other\.npy has no times"):
        prepared(folder)
    with pytest.raises(ConfigError, match=r"stimuli\.v\.every: found 0"):
        prepared(folder, 10, every=0)


def test_a_broken_film_and_an_empty_folder_are_refused(folder, tmp_path):
    pytest.importorskip("av")
    (folder / "clip.mp4").write_bytes(b"no film")
    with pytest.raises(StimuliError, match=r"stimuli\.v: .*clip\.mp4 cannot be read as a video"):
        prepared(folder, 10)
    with pytest.raises(StimuliError, match="found nothing, expected a folder of clips"):
        prepared(tmp_path / "lost")
    (tmp_path / "empty").mkdir()
    with pytest.raises(StimuliError, match="found no clip"):
        prepared(tmp_path / "empty")


def test_without_pyav_the_extra_is_named(folder, monkeypatch):
    (folder / "clip.mp4").write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(StimuliError, match=r"pip install 'thresh\[video\]'"):
        prepared(folder, 10)
