"""Text for people."""

import json

import pytest

from pictures import HOSTILE
from potato.core.text import redact, script_json


def test_script_json_escapes_markup():
    text = script_json({HOSTILE: [HOSTILE, "<!--"]})
    assert not set("<>&") & set(text) and json.loads(text) == {HOSTILE: [HOSTILE, "<!--"]}


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://me:pass@host/a.tif", "https://host/a.tif"),
        ("'https://host/a.tif?X-Amz-Signature=1&b=2': 403", "'https://host/a.tif': 403"),
        ("/vsicurl/https://host/a.tif?sig=1, tried twice", "/vsicurl/https://host/a.tif, tried twice"),
        ("is it there? yes", "is it there? yes"),
        ("can't open https://host/a.tif?sig=A,SECRET: no", "can't open https://host/a.tif: no"),
        ("https://host/a.tif?a=(b);c='d',e (refused)", "https://host/a.tif (refused)"),
        ("(see /vsicurl?url=https%3A%2F%2Fhost&key=1)", "(see /vsicurl)"),
        ("HTTPS://me:p@ss:w@host/a@2x.tif", "HTTPS://host/a@2x.tif"),
        ("https://me:p/a?s@host/a.tif", "https://host/a.tif"),
        ("https://host:8080/a@2x.tif", "https://host:8080/a@2x.tif"),
        ("s3://bucket/key", "s3://bucket/key"),
    ],
)
def test_redact_removes_secrets(text, clean, monkeypatch):
    assert redact(text) == clean
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    assert "wJalrXUtnFEMI" not in redact(f"{text} wJalrXUtnFEMI")
