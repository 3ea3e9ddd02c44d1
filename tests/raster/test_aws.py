"""Credentials for S3 are found where AWS's own tools find them; settings of the user come first."""

import json
import shlex

import pytest
import rasterio
from rasterio.session import Session

from potato.ard.source import _bucket_settings
from potato.errors import InputError
from potato.raster.aws import FILES, SIGNS, Signing, default_signing, explain_refusal, s3_options
from potato.raster.gdal_env import gdal

KEYS = {"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI", "SessionToken": "FQoGZXIvYXdz"}
OPTIONS = {
    "AWS_NO_SIGN_REQUEST": "NO",
    "AWS_ACCESS_KEY_ID": KEYS["AccessKeyId"],
    "AWS_SECRET_ACCESS_KEY": KEYS["SecretAccessKey"],
    "AWS_SESSION_TOKEN": KEYS["SessionToken"],
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home whose profiles, the default and `mine`, get their keys from a program."""
    for name in (*SIGNS, *FILES, "AWS_NO_SIGN_REQUEST", "AWS_S3_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    (tmp_path / ".aws").mkdir()
    program = f"credential_process = echo {shlex.quote(json.dumps({'Version': 1, **KEYS}))}\n"
    (tmp_path / ".aws" / "config").write_text(f"[default]\n{program}[profile mine]\n{program}")
    return tmp_path


@pytest.mark.parametrize("profile", [None, "mine"])
def test_keys_of_a_profile_reach_gdal_and_listings(home, monkeypatch, profile):
    if profile:
        monkeypatch.setenv("AWS_PROFILE", profile)
    with gdal():
        assert s3_options() == OPTIONS
    settings = _bucket_settings("b")
    assert {settings[name] for name in ("access_key_id", "secret_access_key", "session_token")} == {
        *KEYS.values()
    }
    assert "skip_signature" not in settings


@pytest.mark.parametrize("name", ["AWS_NO_SIGN_REQUEST", "AWS_ACCESS_KEY_ID"])
def test_what_the_environment_has_comes_first(home, monkeypatch, name):
    monkeypatch.setenv(name, "YES")
    with gdal():
        assert s3_options() == {} and name not in rasterio.env.getenv()


def test_a_setting_of_an_enclosing_env_comes_first(home):
    with rasterio.Env(AWS_NO_SIGN_REQUEST="YES"), gdal():
        assert s3_options() == {}


def test_keys_are_given_to_gdal_while_a_file_is_opened(home):
    with gdal(), rasterio.Env(session=Signing(s3_options())):
        assert rasterio.env.getenv().items() >= OPTIONS.items()
        assert Session.cls_from_path("s3://b/a.tif").hascreds(rasterio.env.getenv())


def test_a_profile_that_is_not_there_is_told(home, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "other")
    with pytest.raises(InputError, match=r"credentials for S3 that can be used, found: .*other"):
        s3_options()


def test_without_credentials_requests_are_not_signed_and_a_refusal_says_how(home):
    (home / ".aws" / "config").unlink()
    assert s3_options() == {} and default_signing()
    assert "set AWS_PROFILE" in explain_refusal("HTTP response code: 403")
    assert explain_refusal("HTTP response code: 404") == ""
