"""Text for people."""

import json

from pictures import HOSTILE
from potato.core.text import script_json


def test_script_json_escapes_markup():
    text = script_json({HOSTILE: [HOSTILE, "<!--"]})
    assert not set("<>&") & set(text) and json.loads(text) == {HOSTILE: [HOSTILE, "<!--"]}
