"""h5py reads what kerata's HDF5 writer wrote, and libhdf5 can go on writing in it."""

import pathlib
import shutil
import subprocess

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

REPO = pathlib.Path(__file__).parents[2]
LINKS = [0, 1, 7, 8, 9, 63, 64, 255, 256, 257, 1200, 5000]


def write(path):
    command = ["cargo", "run", "-q", "-p", "kerata-formats", "--example", "hdf5_sample", str(path)]
    subprocess.run(command, cwd=REPO, check=True)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("hdf5") / "sample.h5"
    write(path)
    return path


@pytest.fixture
def file(path):
    with h5py.File(path, "r") as file:
        yield file


@pytest.mark.parametrize("count", LINKS)
def test_every_link_is_found_and_listed_in_name_order(file, count):
    group = file[f"links/{count}"]
    names = [str(number) for number in range(count)]
    assert len(group) == count
    assert list(group) == sorted(names)
    assert all(isinstance(group[name], h5py.Group) for name in names)
    assert "x" not in group and "" not in names


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
                                   "float16", "float32", "float64"])
def test_numbers(file, dtype):
    data = file[f"numbers/{dtype}"]
    assert data.dtype == dtype
    assert data[()].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_other_types(file):
    numbers = file["numbers"]
    assert numbers["bool"].dtype == bool
    assert numbers["bool"][()].tolist() == [[False, True, False], [True, False, True]]
    assert numbers["bfloat16"].dtype == "V2"
    assert numbers["bfloat16"].attrs["dtype"] == "bfloat16"
    upper = numbers["bfloat16"][()].view("u2").astype("u4") << 16
    assert upper.view("f4").tolist() == [[0, 1, 2], [3, 4, 5]]
    assert numbers["opaque3"][()].tolist() == [b"abc", b"def"]
    assert numbers["complex64"].dtype == "complex64"
    assert numbers["complex64"][()].tolist() == [1j, 2 + 3j]
    assert numbers["complex128"].dtype == "complex128"
    assert numbers["complex128"][()].tolist() == [1j, 2 + 3j]
    assert numbers["string"].asstr()[()].tolist() == ["one", "", "zwei \u00e4"]
    assert numbers["scalar"][()] == 2.5 and numbers["scalar"].shape == ()
    assert numbers["empty"].shape == (0, 3) and numbers["empty"][()].size == 0
    assert (numbers["large"][()] == np.arange(2_000_000)).all()


def test_tensors_lie_at_multiples_of_64(file):
    offsets = [data.id.get_offset() for data in file["numbers"].values()]
    stored = [offset for name, offset in zip(file["numbers"], offsets) if name not in ("string", "empty")]
    assert all(offset % 64 == 0 for offset in stored)


def test_attributes(file):
    attributes = file["attributes"].attrs
    many = [f"layer_{number}" for number in range(1000)]
    assert len(attributes) == 16
    assert attributes["text"] == "caf\u00e9"
    assert attributes["nothing"] == ""
    assert attributes["long"] == "x" * 700_000
    assert attributes["texts"].tolist() == ["a", "", "bcd", "\u00fc"]
    assert attributes["many"].tolist() == many
    assert attributes["ascii"] == "bytes"
    assert h5py.check_string_dtype(attributes.get_id("ascii").dtype).encoding == "ascii"
    assert attributes["ascii_texts"].tolist() == ["a", "bc"]
    assert attributes["fixed"] == b"fixed"
    assert attributes["fixed_texts"].dtype == "S9"
    assert attributes["fixed_texts"].astype(str).tolist() == many
    assert attributes["int"] == -3 and attributes["int"].dtype == "int64"
    assert attributes["float"] == 1.5
    assert attributes["empty_list"].shape == (0,) and attributes["empty_list"].dtype == "float64"
    assert isinstance(attributes["null"], h5py.Empty)
    assert bytes(attributes["opaque"]) == b"\x01\x00\x02"
    assert attributes["flags"].tolist() == [True, False] and attributes["flags"].dtype == bool
    assert attributes["bytes"].tolist() == [7, 8]
    assert file.attrs["root"] == "value"
    assert file["numbers/int8"].attrs["of_dataset"] == "yes"


def test_the_same_calls_give_the_same_bytes(path, tmp_path):
    again = tmp_path / "again.h5"
    write(again)
    assert again.read_bytes() == path.read_bytes()


def test_libhdf5_goes_on_writing(path, tmp_path):
    """Adding links, attributes and data makes libhdf5 change every structure that was written."""
    changed = tmp_path / "changed.h5"
    shutil.copy(path, changed)
    with h5py.File(changed, "r+") as file:
        for count in LINKS:
            for number in range(40):
                file[f"links/{count}"].create_group(f"new {number}").attrs["n"] = number
            if count:
                del file[f"links/{count}/0"]
        file["attributes"].attrs["more"] = "y" * 10_000
        file["numbers/int8"][0, 0] = 9
        file["numbers/added"] = np.arange(5)
    with h5py.File(changed, "r") as file:
        for count in LINKS:
            names = [str(number) for number in range(1, count)] + [f"new {number}" for number in range(40)]
            assert list(file[f"links/{count}"]) == sorted(names)
            assert file[f"links/{count}/new 39"].attrs["n"] == 39
        assert file["attributes"].attrs["more"] == "y" * 10_000
        assert file["attributes"].attrs["long"] == "x" * 700_000
        assert file["numbers/int8"][()].tolist() == [[9, 1, 2], [3, 4, 5]]
        assert (file["numbers/large"][()] == np.arange(2_000_000)).all()
