"""Tensors of strangers: nothing is run, memory is bounded, the reason is in our words."""

import io
import os
import pickle
import zipfile

import pytest
import torch

from potato.errors import InputError, WeightsError
from potato.model.tensor_file import load_tensors
from potato.model.weights import load_model

MOST = 1 << 20


def saved(content, **settings) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **settings)
    return buffer.getvalue()


def compressed(data: bytes) -> bytes:
    """The same archive with its entries compressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    return buffer.getvalue()


class Call:
    """An object whose unpickling calls a function."""

    def __reduce__(self):
        return os.mkdir, ("made",)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"PK\x03\x04 and so on", "no archive of tensors"),
        (pickle.dumps(Call(), protocol=4), "no archive of tensors"),
        (saved(torch.ones(3), _use_new_zipfile_serialization=False), "no archive of tensors"),
        (saved({"a": Call()}), "holds more than tensors"),
        (saved(torch.ones(3), pickle_protocol=4), "a pickle that torch.save didn't write"),
        (compressed(saved(torch.zeros(1 << 20))), "a compressed archive"),
        (saved({"a": [torch.zeros(1).expand(1, 90_000, 90_000)]}), "a tensor of more than 1 MB"),
        (saved(torch.zeros(9, 9).to_sparse()), "a tensor without its numbers"),
        (saved(torch.zeros(9, device="meta")), "a tensor without its numbers"),
        (saved(torch.zeros(1 << 19)), "more than 1 MB"),
    ],
)
def test_other_files_are_refused_in_our_words(tmp_path, monkeypatch, recwarn, data, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pt").write_bytes(data)
    with pytest.raises(ValueError, match=says) as caught:
        load_tensors("a.pt", MOST)
    assert "weights_only" not in str(caught.value)
    assert [each.name for each in tmp_path.iterdir()] == ["a.pt"] and not recwarn.list


def test_tensors_and_texts_come_back(tmp_path):
    (tmp_path / "a.pt").write_bytes(saved({"a": [torch.arange(3)], "b": "c"}))
    content = load_tensors(tmp_path / "a.pt", MOST)
    assert content["a"][0].tolist() == [0, 1, 2] and content["b"] == "c"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
def test_a_named_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.pt")
    with pytest.raises(InputError, match="a named pipe"):
        load_tensors(tmp_path / "a.pt", MOST)
    with pytest.raises(WeightsError, match="no such file"):
        load_model(tmp_path / "a.pt")


def test_a_checkpoint_of_another_tool_is_refused_in_our_words(tmp_path):
    path = tmp_path / "a.pt"
    path.write_bytes(saved({"model": torch.ones(2)}))
    with pytest.raises(WeightsError, match="found something else: no card with a state_dict of tensors"):
        load_model(path)
