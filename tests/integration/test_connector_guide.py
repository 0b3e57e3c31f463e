"""The guide for authors of connectors shows code that is compiled and tested: the file sink's own."""
import re

from integration.harness import REPOSITORY


def squeezed(text):
    return " ".join(text.split())


def test_the_code_of_the_guide_is_that_of_the_file_sink():
    guide = (REPOSITORY / "docs/guide/write-a-connector.md").read_text()
    sources = [*(REPOSITORY / "src/connectors/file").glob("*.?pp"),
               REPOSITORY / "src/app/connectors.cpp"]
    code = squeezed("\n".join(source.read_text() for source in sources))
    pieces = re.findall(r"```cpp\n(.*?)```", guide, re.DOTALL)
    assert len(pieces) >= 5
    for piece in pieces:
        assert squeezed(piece) in code, f"not in src/connectors/file:\n{piece}"
