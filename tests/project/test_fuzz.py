"""A few hundred damaged files; `make fuzz` opens thousands."""

import subprocess
import sys
from pathlib import Path

FUZZING = Path(__file__).parent.parent / "fuzzing.py"


def test_damaged_files_are_refused_in_one_line_or_read():
    found = subprocess.run(
        [sys.executable, FUZZING, "--count", "500"], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout
    assert found.stdout.strip() == "500 cases, no fault"
