"""What `preview.json` holds."""

from misread.files import read_json


def test_the_preview_is_of_the_arms_of_the_study(rehearsal):
    shares = read_json(rehearsal / "preview.json")["shares"]
    assert [share["arm"] for share in shares] == ["documented", "both"]
